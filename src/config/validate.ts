import type { z } from 'zod'
import { isObject } from '../json/read.js'
import { explainIssue } from './explain-issue.js'
import { type Finding, valueAt } from './findings.js'

export type Validated<T> = {
  /** What is left when everything wrong is taken out; `undefined` when that cannot be read either. */
  readonly value: T | undefined
  readonly findings: readonly Finding[]
  /** Sections that lost a value, such as `listen` or `routes.2`: what is checked in them further would mislead. */
  readonly spoilt: ReadonlySet<string>
}

/** Rounds of taking out what is wrong; each one shortens the path to a required key by one. */
const ROUNDS = 8

/** Without code that is compiled for the schema: a file is read once, and that takes longer than the reading. */
const ONCE = { jitless: true }

/**
 * Reads data by a schema and reports everything wrong with it. So that the checks between keys can speak in the same
 * run, wrong values are taken out and the rest is read again with its defaults.
 */
export function validate<T>(schema: z.ZodType<T>, data: unknown): Validated<T> {
  const first = schema.safeParse(data, ONCE)
  if (first.success) return { value: first.data, findings: [], spoilt: new Set() }
  const findings = first.error.issues.flatMap(issue => explainIssue(issue, schema, data))
  const spoilt = new Set<string>()
  const rest: unknown = structuredClone(data)
  let wrong: readonly Finding[] = findings
  for (let round = 0; round < ROUNDS; round++) {
    for (const { path, message } of wrong) {
      if (!message.startsWith('unknown key')) spoilt.add(sectionOf(path))
      takeOut(rest, path)
    }
    const again = schema.safeParse(rest, ONCE)
    if (again.success) return { value: again.data, findings, spoilt }
    wrong = again.error.issues.flatMap(issue => explainIssue(issue, schema, rest))
  }
  return { value: undefined, findings, spoilt }
}

/** `listen`, or `routes.2`: what spoils one route says nothing about the others. */
export function sectionOf(path: readonly PropertyKey[]): string {
  const isEntry = path[0] === 'routes' && typeof path[1] === 'number'
  return path.slice(0, isEntry ? 2 : 1).join('.')
}

/** Removes what stands at a path, or the nearest thing around it that is there. Lists go as a whole: places must not shift. */
function takeOut(data: unknown, path: readonly PropertyKey[]): void {
  for (let length = path.length; length > 0; length--) {
    const parent = valueAt(data, path.slice(0, length - 1))
    const key = path[length - 1]
    if (key !== undefined && isObject(parent) && Object.hasOwn(parent, key)) {
      delete parent[String(key)]
      return
    }
  }
}
