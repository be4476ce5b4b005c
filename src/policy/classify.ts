import { eventData } from '../http/event-stream.js'
import { type Fields, fieldValue } from '../http/fields.js'
import { hintMillis } from '../http/retry-after.js'
import { formatPointer, type Pointer } from '../json/pointer.js'
import { parseJson, valueAt } from '../json/read.js'
import type { Millis } from '../time/units.js'
import { readAdcpError, readRpcError, type ToldError } from './adcp-error.js'
import type { ClassifiedAs, ClassifyRule } from './idempotency-settings.js'
import { holds } from './json-condition.js'

export type Classification = {
  readonly as: ClassifiedAs
  /** As the body says it, for a status that does not. */
  readonly retryAfter: Millis | undefined
  /** The rule that said so, for the log: a protocol's name, or a place in the body. */
  readonly rule: string
}

/** @param body without its content coding; it may be the beginning only, of which an event stream's whole events count */
export type ReadAnswer = { readonly status: number; readonly fields: Fields; readonly body: Buffer }

/**
 * The error that hides in an answer, whatever its status; `undefined` when no rule finds one. Only JSON is looked at, by
 * its media type, and event streams whose data is JSON: the first event that a rule knows counts, and the first rule.
 */
export function classifyAnswer(answer: ReadAnswer, rules: readonly ClassifyRule[]): Classification | undefined {
  if (rules.length === 0) return undefined
  for (const text of documents(answer)) {
    const parsed = parseJson(text)
    if (parsed === undefined) continue
    for (const rule of rules) {
      const found = applyRule(rule, answer.status, parsed)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** What of an answer can be classified: a JSON document, or the events of a stream; `undefined` for anything else. */
export function mediaKind(fields: Fields): 'json' | 'events' | undefined {
  const type = fieldValue(fields, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type === 'text/event-stream') return 'events'
  return /^application\/json$|^[a-z]+\/[^/\s]+\+json$/.test(type) ? 'json' : undefined
}

function documents({ fields, body }: ReadAnswer): Iterable<Buffer> {
  const kind = mediaKind(fields)
  if (kind === undefined) return []
  return kind === 'json' ? [body] : eventData(body)
}

function applyRule(rule: ClassifyRule, status: number, parsed: unknown): Classification | undefined {
  if (rule === 'adcp') return told(rule, status, parsed, readAdcpError)
  if (rule === 'json_rpc') return told(rule, status, parsed, readRpcError)
  const { when, as, retry_after } = rule
  if (when.status.length > 0 && !when.status.includes(status)) return undefined
  if (!holds(parsed, when)) return undefined
  return { as, retryAfter: retry_after && waitAt(parsed, retry_after), rule: formatPointer(when.json) }
}

function told(
  rule: string,
  status: number,
  parsed: unknown,
  read: (message: unknown) => ToldError | undefined,
): Classification | undefined {
  const messages: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed]
  const error = messages.map(read).find(found => found !== undefined)
  if (error === undefined) return undefined
  const { as, retryAfter, coded } = error
  // A 401 or 429 says more than the bare error that it carries.
  if (status >= 400 && as === 'error' && !coded) return undefined
  // Of a batch, some may have been done: it can neither be stored nor repeated as a whole.
  return messages.length === 1 ? { as, retryAfter, rule } : { as: 'error', retryAfter: undefined, rule }
}

/** Seconds, as a number or in digits, a fraction rounded up to the millisecond; anything else says nothing. */
function waitAt(parsed: unknown, pointer: Pointer): Millis | undefined {
  const value = valueAt(parsed, pointer)
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && /^\d+(?:\.\d+)?$/.test(text) ? hintMillis(Number(text) * 1_000) : undefined
}
