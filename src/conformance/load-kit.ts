import { resolve } from 'node:path'
import { errorAt, type Finding } from '../config/findings.js'
import { readText } from '../config/load.js'
import { ConfigError, type ConfigProblem } from '../config/problems.js'
import { validate } from '../config/validate.js'
import { readYaml, type YamlSource } from '../config/yaml-source.js'
import { type Pointer, parsePointer } from '../json/pointer.js'
import { valueAt } from '../json/read.js'
import type { Carrier, Kit } from './kit.js'
import { type KitFile, kitSchema } from './kit-schema.js'

const MAY_HOLD_A_SECRET = /^(?:credential|second_credential)(?:\.|$)/

/** Reads and checks a kit. @throws ConfigError with every problem at once. */
export function loadKit(file: string, cwd: string): Kit {
  const path = resolve(cwd, file)
  return parseKit(path, readText(path))
}

/** Reads and checks the text of a kit. @throws ConfigError with every problem at once. */
export function parseKit(file: string, text: string): Kit {
  const source = readYaml(file, text)
  const { value, findings } = validate(kitSchema, source.data ?? {})
  const found = [...findings, ...(value === undefined || findings.length > 0 ? [] : crossCheck(value))]
  const problems = [...found.map(finding => toProblem(finding, file, source)), ...source.problems]
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  if (value === undefined || problems.length > 0) throw new ConfigError(problems, text)
  return toKit(value, file)
}

function toProblem({ path, at, message, severity }: Finding, file: string, source: YamlSource): ConfigProblem {
  const dotted = path.map(String).join('.')
  const masked = MAY_HOLD_A_SECRET.test(dotted)
  return { file, ...source.locate(path, at), path: dotted, message, severity, ...(masked ? { masked } : {}) }
}

/** What one key says about another. */
function crossCheck(kit: KitFile): Finding[] {
  const { request, mutate, invalid, second_credential, credential, carrier } = kit
  const found: Finding[] = []
  if (valueAt(request.body, mutate.pointer) === undefined)
    found.push(errorAt(['mutate', 'pointer'], `points at nothing in request.body`))
  else if (same(valueAt(request.body, mutate.pointer), mutate.value))
    found.push(errorAt(['mutate', 'value'], 'is what the request has anyway; another value is needed'))
  if (invalid !== undefined && !hasPlace(request.body, invalid.pointer))
    found.push(errorAt(['invalid', 'pointer'], 'has no place in request.body'))
  if (carrier.startsWith('json:') && !hasPlace(request.body, pointer(carrier.slice(5))))
    found.push(errorAt(['carrier'], 'has no place in request.body'))
  if (second_credential !== undefined && credential === undefined)
    found.push(errorAt(['second_credential'], 'is the second of one; credential is needed'))
  if (request.encoding === 'form' && (typeof request.body !== 'object' || request.body === null))
    found.push(errorAt(['request', 'body'], 'is no block; a form has names'))
  if (kit.ttl_probe !== undefined && kit.ttl === undefined)
    found.push(errorAt(['ttl_probe'], 'is about a ttl; ttl is needed'))
  return [...found, ...badPlaceholders(request.body, ['request', 'body'])]
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const hasPlace = (body: unknown, at: Pointer): boolean => {
  const parent = valueAt(body, at.slice(0, -1))
  return typeof parent === 'object' && parent !== null
}

function badPlaceholders(value: unknown, path: readonly PropertyKey[]): Finding[] {
  if (typeof value === 'string') {
    const bad = [...value.matchAll(/\{\{(.*?)\}\}/g)].find(
      ([, inner = '']) => !/^(?:uuid(?:#[\w-]{1,64})?|key)$/.test(inner),
    )
    return bad === undefined ? [] : [errorAt(path, `"${bad[0]}" is not known; {{uuid}}, {{uuid#alias}} or {{key}}`)]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    badPlaceholders(inner, [...path, Array.isArray(value) ? Number(name) : name]),
  )
}

/** The schema has checked that it is one. */
const pointer = (text: string): Pointer => parsePointer(text) ?? []

function toKit(file: KitFile, path: string): Kit {
  const { mutate, invalid, count, trip, credential } = file
  return {
    name: file.name,
    file: path,
    target: file.target,
    sandbox: file.sandbox,
    profile: file.profile,
    carrier: toCarrier(file.carrier),
    keyRequired: file.key_required,
    request: file.request,
    id: file.id,
    mutate: { at: mutate.pointer, value: mutate.value },
    invalid: invalid && { at: invalid.pointer, value: invalid.value },
    count: count && { path: count.path, at: count.pointer },
    credential,
    secondCredential: file.second_credential,
    fault: toFault(file.fault),
    errorCode: file.error_code,
    retryAfter: file.retry_after,
    cleanup: file.cleanup,
    parallel: file.parallel,
    trip: { most: trip.max_attempts, together: trip.mode === 'sequential' ? 1 : trip.mode.concurrent },
    ttl: file.ttl,
    ttlProbe: file.ttl_probe,
  }
}

function toCarrier(text: string): Carrier {
  const colon = text.indexOf(':')
  const rest = text.slice(colon + 1)
  return text.startsWith('header:') ? { in: 'header', name: rest } : { in: 'json', at: pointer(rest) }
}

function toFault(fault: KitFile['fault']): Kit['fault'] {
  if (fault?.path !== undefined) return { method: fault.method, path: fault.path }
  const [name, ...value] = fault?.header?.split(':') ?? []
  return name === undefined ? undefined : { header: [name, value.join(':').trim()] }
}
