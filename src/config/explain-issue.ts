import type { z } from 'zod'
import { nearest, suggest } from './did-you-mean.js'
import { errorAt, type Finding, valueAt } from './findings.js'
import type { Kind } from './scalars.js'
import { keysOf, kindOf, schemaAt } from './schema-walk.js'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** A schema issue in the words of a user: what is wrong, what is allowed. One per unknown key. */
export function explainIssue(issue: Issue, schema: z.ZodType, data: unknown, base: Path = []): Finding[] {
  const path = [...base, ...issue.path]
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownKey(key, schema, path))
  if (issue.code === 'invalid_union') return explainUnion(issue, schema, data, path)
  const inner = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined
  if (inner !== undefined) return [{ ...errorAt(path, inner), at: 'key' }]
  return [errorAt(path, describe(issue, schema, valueAt(data, path), path))]
}

function unknownKey(key: string, schema: z.ZodType, path: Path): Finding {
  const here = schemaAt(schema, path)
  const message = `unknown key${suggest(key, here === undefined ? [] : keysOf(here))}`
  return { path: [...path, key], at: 'key', message, severity: 'error' }
}

/** The one member that the value was meant for speaks; when there is none, all are named. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, schema: z.ZodType, data: unknown, path: Path): Finding[] {
  const meant = issue.errors.find(errors => errors.every(inner => inner.path.length > 0 || !isMismatch(inner)))
  if (meant !== undefined) return meant.flatMap(inner => explainIssue(inner, schema, data, path))
  return [errorAt(path, describe(issue, schema, valueAt(data, path), path))]
}

const isMismatch = (issue: Issue): boolean =>
  issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union'

function describe(issue: Issue, schema: z.ZodType, value: unknown, path: Path): string {
  if (issue.code === 'custom') return issue.message
  const place = schemaAt(schema, path)
  const kind = place === undefined ? undefined : kindOf(place)
  const expects = kind?.expects ?? (issue.code === 'invalid_value' ? issue.values.join(' or ') : 'a block of settings')
  if (value === undefined) return `is missing; ${expects} is needed`
  if (value === null) return `has no value; give it ${expects}, or leave the key out`
  if (kind?.type === 'secret') return `is not a secret reference; ${expects}`
  if (issue.code === 'too_big' || issue.code === 'too_small') {
    if (Array.isArray(value))
      return `has ${value.length} entries; ${issue.code === 'too_big' ? 'at most' : 'at least'} ${limitOf(issue)}`
    return `${show(value)} is out of range${kind?.range === undefined ? '' : `; ${kind.range}`}`
  }
  const words = expects.startsWith('one of ') ? expects.slice('one of '.length).split(', ') : []
  const near = typeof value === 'string' ? (renamed(value, kind) ?? nearest(value, words)) : undefined
  return `${show(value)} is not allowed; ${expects}${near === undefined ? '' : `, did you mean "${near}"?`}`
}

const renamed = (word: string, kind: Kind | undefined): string | undefined =>
  kind?.renamed !== undefined && Object.hasOwn(kind.renamed, word) ? kind.renamed[word] : undefined

const limitOf = (issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string =>
  String(issue.code === 'too_big' ? issue.maximum : issue.minimum)

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a block'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
