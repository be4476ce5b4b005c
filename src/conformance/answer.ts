import { parseRetryAfter } from '../http/retry-after.js'
import { type Pointer, parsePointer } from '../json/pointer.js'
import { parseJson, valueAt } from '../json/read.js'
import { type Millis, seconds } from '../time/units.js'
import type { Reply } from './client.js'
import type { Kit } from './kit.js'
import { type Profile, profileOf } from './profiles.js'

/** What an answer amounts to; only `success` made or showed a resource. */
type Outcome = 'success' | 'limited' | 'in_flight' | 'conflict' | 'unauthorized' | 'refused' | 'broken'

/** An answer, read once. */
export type Answer = {
  readonly status: number
  readonly outcome: Outcome
  /** The id it speaks of. */
  readonly id: string | undefined
  /** What it calls its error. */
  readonly code: string | undefined
  /** How it says that it is a repeat, such as `Idempotent-Replayed`. */
  readonly marker: string | undefined
  /** How long it asks us to wait; whole seconds, rounded up. */
  readonly retryAfter: Millis | undefined
  readonly text: string
  readonly json: unknown
  readonly reply: Reply
}

/** Reads an answer by the words of the kit and its profile. @param now Unix milliseconds, for dates */
export function readAnswer(reply: Reply, kit: Kit, now: number): Answer {
  const profile = profileOf(kit.profile)
  const json = payloadOf(reply)
  const code = errorCode(reply.status, json, kit, profile)
  const text = reply.body.toString('utf8')
  return {
    status: reply.status,
    outcome: outcomeOf(reply, code, profile),
    id: idOf(json, text, kit.id),
    code,
    marker: markerOf(reply, json),
    retryAfter: retryAfterOf(reply, json, kit, profile, now),
    text,
    json,
    reply,
  }
}

/** Words that a code is made of; a sentence may quote the request, and with it a key or a secret. */
const WORDS = /^[\w.:/-]{1,60}$/
const LONG_HEX = /[0-9a-f]{8}[0-9a-f-]{8,}/gi

/** `201`, or `200 RATE_LIMITED`: for people. */
export const describeAnswer = ({ status, code }: Answer): string =>
  code === undefined || !WORDS.test(code) ? String(status) : `${status} ${code.replaceAll(LONG_HEX, '…')}`

function outcomeOf(reply: Reply, code: string | undefined, profile: Profile): Outcome {
  const { status } = reply
  const says = (words: RegExp) => code !== undefined && words.test(code)
  if (status === 429 || says(profile.limited)) return 'limited'
  if (status >= 500 || says(profile.serverError)) return 'broken'
  if (says(profile.inFlight)) return 'in_flight'
  if (says(profile.conflict)) return 'conflict'
  if (status === 401 || says(profile.unauthorized)) return 'unauthorized'
  // The draft of the field has 409 for a request that still runs, some APIs for a mismatch: one that has an end says when.
  if (status === 409) return reply.header('retry-after') === undefined ? 'conflict' : 'in_flight'
  if (status === 422) return 'conflict'
  if (status >= 400) return 'refused'
  return code === undefined || status === 303 ? 'success' : 'refused'
}

/** Streamable HTTP of MCP may answer with events; the last one that has data is the result. */
function payloadOf(reply: Reply): unknown {
  if (!/^text\/event-stream/i.test(reply.header('content-type') ?? '')) return parseJson(reply.body)
  const events = reply.body.toString('utf8').split(/\r?\n\r?\n/)
  const data = events.map(event => [...event.matchAll(/^data: ?(.*)$/gm)].map(([, line = '']) => line).join('\n'))
  return parseJson(Buffer.from(data.filter(one => one !== '').at(-1) ?? ''))
}

function errorCode(status: number, json: unknown, kit: Kit, profile: Profile): string | undefined {
  // A resource may well have a member of that name; only a kit that names the place knows that errors hide in a 200.
  if (kit.errorCode === undefined && kit.profile !== 'adcp-mcp' && status < 400) return undefined
  const places = kit.errorCode === undefined ? profile.errorCodes.map(toPointer) : [kit.errorCode]
  for (const place of places) {
    const value = valueAt(json, place)
    if (typeof value === 'string' || typeof value === 'number') return String(value)
  }
  return kit.profile === 'adcp-mcp' ? codeInText(json, profile) : undefined
}

/** A tool without structured content says its error as JSON in a text. */
function codeInText(json: unknown, profile: Profile): string | undefined {
  if (valueAt(json, ['result', 'isError']) !== true) return undefined
  const text = valueAt(json, ['result', 'content', '0', 'text'])
  const inner = typeof text === 'string' ? parseJson(Buffer.from(text)) : undefined
  const wrapped = { result: { structuredContent: inner } }
  const found = profile.errorCodes.map(place => valueAt(wrapped, toPointer(place))).find(one => typeof one === 'string')
  return typeof found === 'string' ? found : 'error'
}

function retryAfterOf(reply: Reply, json: unknown, kit: Kit, profile: Profile, now: number): Millis | undefined {
  const places = kit.retryAfter === undefined ? profile.retryAfter.map(toPointer) : [kit.retryAfter]
  for (const place of places) {
    const value = valueAt(json, place)
    if (typeof value === 'number' && value > 0) return seconds(Math.ceil(value))
  }
  const field = reply.header('retry-after')
  const hint = field === undefined ? undefined : parseRetryAfter(field, now)
  return hint === undefined || hint <= 0 ? undefined : seconds(Math.ceil(hint / 1_000))
}

/** Numbers beyond 2^53 as they were written: two of them may be one to `JSON.parse`. */
function idOf(json: unknown, text: string, at: Pointer): string | undefined {
  const value = valueAt(json, at)
  if (typeof value === 'string') return value === '' ? undefined : value
  if (typeof value !== 'number') return undefined
  if (Number.isSafeInteger(value)) return String(value)
  const name = JSON.stringify(at.at(-1)).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`${name}\\s*:\\s*(-?\\d+)`).exec(text)?.[1] ?? String(value)
}

function markerOf(reply: Reply, json: unknown): string | undefined {
  if (reply.header('idempotent-replayed')?.toLowerCase() === 'true') return 'Idempotent-Replayed'
  if (reply.header('idempotency-status')?.toLowerCase() === 'replayed') return 'Idempotency-Status'
  if (reply.header('idempotency-replayed')?.toLowerCase() === 'true') return 'Idempotency-Replayed'
  if (valueAt(json, ['result', 'structuredContent', 'replayed']) === true) return 'structuredContent.replayed'
  return valueAt(json, ['replayed']) === true ? 'replayed' : undefined
}

const toPointer = (text: string): Pointer => parsePointer(text) ?? []
