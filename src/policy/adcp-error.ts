import { parseJson, valueAt } from '../json/read.js'
import { type Millis, seconds } from '../time/units.js'
import type { ClassifiedAs } from './idempotency-settings.js'

/** An error as a protocol told it. */
export type ToldError = {
  readonly as: ClassifiedAs
  readonly retryAfter: Millis | undefined
  /** It has a code of the protocol that says so: an error that says no more adds nothing to an HTTP status of 400 and above. */
  readonly coded?: true
}

/** Codes of JSON-RPC that stand for an error of AdCP when infrastructure refuses before a tool runs. */
const RPC_CODES: ReadonlyMap<unknown, ClassifiedAs> = new Map([
  [-32_029, 'rate_limited'],
  [-32_027, 'unavailable'],
])
const CODES: ReadonlyMap<unknown, ClassifiedAs> = new Map([
  ['RATE_LIMITED', 'rate_limited'],
  ['SERVICE_UNAVAILABLE', 'unavailable'],
  ['IDEMPOTENCY_IN_FLIGHT', 'in_flight'],
])
/** States of a task in which nothing was done, and nothing will be. */
const FAILED: ReadonlySet<unknown> = new Set(['failed', 'rejected', 'canceled'])
const LONGEST_WAIT = 3_600
const LONGEST_CODE = 64

/** The `error` member of a JSON-RPC answer (JSON-RPC 2.0 §5.1); `undefined` when there is none. */
export function readRpcError(message: unknown): ToldError | undefined {
  const error = valueAt(message, ['error'])
  if (error === undefined || error === null) return undefined
  const wait = waitOf(valueAt(error, ['data', 'adcp_error'])) ?? waitOf(valueAt(error, ['data']))
  return { as: RPC_CODES.get(valueAt(error, ['code'])) === 'rate_limited' ? 'rate_limited' : 'error', retryAfter: wait }
}

/**
 * The error of an AdCP answer over MCP, A2A or REST, by the protocol's own order of places, its transport errors page;
 * `undefined` when it is a success, or a task that goes on.
 */
export function readAdcpError(message: unknown): ToldError | undefined {
  const result = valueAt(message, ['result']) ?? message
  const parts = partsOf(result)
  const found = [
    valueAt(result, ['structuredContent', 'adcp_error']),
    ...parts.map(part => valueAt(part, ['data', 'adcp_error'])),
    valueAt(message, ['error', 'data', 'adcp_error']),
    valueAt(result, ['adcp_error']),
    ...textErrors(result),
  ].find(isError)
  return found === undefined ? lesserError(message, result, parts) : judgeError(found)
}

/** Places that count when no `adcp_error` was found. */
function lesserError(message: unknown, result: unknown, parts: readonly unknown[]): ToldError | undefined {
  const rpc = readRpcError(message)
  const code = RPC_CODES.get(valueAt(message, ['error', 'code']))
  if (rpc !== undefined && code !== undefined) return { ...rpc, as: code }
  const payloads = [
    result,
    valueAt(result, ['structuredContent']),
    valueAt(result, ['payload']),
    ...parts.map(part => valueAt(part, ['data'])),
  ]
  const failed = rpc !== undefined || valueAt(result, ['isError']) === true || payloads.some(hasFailed)
  // A task that completed, or goes on, lists warnings there too.
  const listed = payloads
    .filter(payload => failed || valueAt(payload, ['status']) === undefined)
    .map(payload => valueAt(payload, ['errors', '0']))
    .find(isError)
  if (listed !== undefined && (failed || !goesOn(result))) return judgeError(listed)
  return failed ? (rpc ?? { as: 'error', retryAfter: undefined }) : undefined
}

const hasFailed = (payload: unknown): boolean =>
  FAILED.has(valueAt(payload, ['status'])) || FAILED.has(valueAt(payload, ['status', 'state']))

/** A2A says for the whole task what payloads leave out. */
const goesOn = (result: unknown): boolean => valueAt(result, ['status', 'state']) !== undefined

/** The parts of A2A: of artifacts, then of the status message, of streamed pieces of both, and of a bare message. */
function partsOf(result: unknown): unknown[] {
  const artifacts = [...listAt(result, ['artifacts']), valueAt(result, ['artifact'])]
  return [
    ...artifacts.flatMap(artifact => listAt(artifact, ['parts'])),
    ...listAt(result, ['status', 'message', 'parts']),
    ...listAt(result, ['parts']),
  ]
}

/** Older servers tell their error as JSON within the text, and only when they say that it is one. */
function textErrors(result: unknown): unknown[] {
  if (valueAt(result, ['isError']) !== true) return []
  return listAt(result, ['content']).map(item => {
    const text = valueAt(item, ['text'])
    return typeof text === 'string' ? valueAt(parseJson(Buffer.from(text)), ['adcp_error']) : undefined
  })
}

function listAt(value: unknown, pointer: readonly string[]): readonly unknown[] {
  const found = valueAt(value, pointer)
  return Array.isArray(found) ? (found as readonly unknown[]) : []
}

/** What has no code is no structured error. */
function isError(value: unknown): boolean {
  const code = valueAt(value, ['code'])
  return typeof code === 'string' && code !== '' && code.length <= LONGEST_CODE
}

function judgeError(error: unknown): ToldError {
  const as = CODES.get(valueAt(error, ['code'])) ?? 'error'
  const recovery = valueAt(error, ['recovery'])
  // A seller that says there is no recovery by waiting means it, whatever the code.
  const final = as !== 'in_flight' && recovery !== undefined && recovery !== 'transient'
  const retryAfter = waitOf(error)
  return final || as === 'error' ? { as: 'error', retryAfter, coded: true } : { as, retryAfter }
}

/** Whole seconds from 1 to 3600: rounded up first, then bounded. It stood in `details` in earlier versions. */
function waitOf(error: unknown): Millis | undefined {
  const wait = [valueAt(error, ['retry_after']), valueAt(error, ['details', 'retry_after'])].find(Number.isFinite)
  return typeof wait === 'number' ? seconds(Math.min(LONGEST_WAIT, Math.max(1, Math.ceil(wait)))) : undefined
}
