import type { Millis } from '../time/units.js'
import { type Fields, fieldTokens, fieldValue, fieldValues } from './fields.js'
import { parseHttpDate } from './http-date.js'
import { parseQuotaReset } from './quota-reset.js'
import { parseRateLimit } from './rate-limit.js'
import { largest, parseDelayMillis, parseRetryAfter } from './retry-after.js'

/** What an answer says about repeating its request; `source` is the lower-case name of the field that said it. */
export type Hint =
  | { readonly kind: 'veto' }
  /** The server's own span, without jitter: finite, not negative. */
  | { readonly kind: 'wait'; readonly wait: Millis; readonly source: string }
  /** There was a hint, but nothing could be made of it: treat as none, and count it. */
  | { readonly kind: 'invalid'; readonly source: string }
  | { readonly kind: 'none' }

/** A vendor's pair of fields: `reset` counts only while `remaining` is 0. Lower-case names. */
export type QuotaFields = { readonly remaining: string; readonly reset: string }

const VETOES = ['x-should-retry', 'stripe-should-retry']
const MILLIS_FIELDS = ['retry-after-ms', 'x-ms-retry-after-ms', 'x-amz-retry-after', 'grpc-retry-pushback-ms']
const STANDARD_QUOTA: QuotaFields = { remaining: 'ratelimit-remaining', reset: 'ratelimit-reset' }

/** Fields that may say when to come back, or whether; `date` is what others are measured by. */
const HINT_FIELDS: ReadonlySet<string> = new Set(['date', 'retry-after', ...MILLIS_FIELDS, ...VETOES])

/** It may be part of a hint, a vendor's quota included; none of them is secret. @param name in any case */
export function isHintField(name: string): boolean {
  const known = name.toLowerCase()
  return HINT_FIELDS.has(known) || /rate-?limit/.test(known)
}

/** A `Date` further than this from our clock says that one of the two is broken, or that the answer is an old stored one. */
const SANE_SKEW = 86_400_000

const NONE: Hint = { kind: 'none' }
const VETO: Hint = { kind: 'veto' }

/**
 * Reads the hint of an answer, the strongest source first: veto, milliseconds, `Retry-After` (RFC 9110 §10.2.3),
 * `RateLimit`, vendors' resets. A malformed source is passed over; it is reported only if no other says anything.
 * Dates are measured against the answer's own `Date`, so clock skew cancels out; when that is more than a day from `now`
 * only where it makes sense of them: a wait of up to a day. Then it is our clock that is wrong (F27).
 * @param now Unix milliseconds.
 */
export function readHint(fields: Fields, now: number, resets: readonly QuotaFields[]): Hint {
  if (isVetoed(fields)) return VETO
  const date = dateOf(fields, now)
  if (date === undefined) return readBy(now, fields, resets)
  const hint = readBy(date, fields, resets)
  if (Math.abs(date - now) <= SANE_SKEW || (hint.kind === 'wait' && hint.wait > 0 && hint.wait <= SANE_SKEW))
    return hint
  return readBy(now, fields, resets)
}

function readBy(base: number, fields: Fields, resets: readonly QuotaFields[]): Hint {
  let invalid: Hint = NONE
  for (const read of SOURCES) {
    const hint = read(fields, base, resets)
    if (hint.kind === 'wait') return hint
    if (invalid.kind === 'none') invalid = hint
  }
  return invalid
}

/** The server asks for a repeat of an answer we would not refuse: widens the statuses, never the method rule. */
export const invitesRetry = (fields: Fields): boolean => fieldTokens(fields, 'x-should-retry').includes('true')

/** gRFC A6: a push-back that is negative or no number means "do not retry". */
function isVetoed(fields: Fields): boolean {
  if (VETOES.some(name => fieldTokens(fields, name).includes('false'))) return true
  const pushback = fieldValue(fields, 'grpc-retry-pushback-ms')
  return pushback !== undefined && parseDelayMillis(pushback) === undefined
}

function dateOf(fields: Fields, now: number): number | undefined {
  const text = fieldValue(fields, 'date')
  return text === undefined ? undefined : parseHttpDate(text.trim(), now)
}

type Source = (fields: Fields, base: number, resets: readonly QuotaFields[]) => Hint

const SOURCES: readonly Source[] = [
  ...MILLIS_FIELDS.map(
    (name): Source =>
      fields =>
        reading(fields, name, parseDelayMillis),
  ),
  (fields, base) => reading(fields, 'retry-after', value => parseRetryAfter(value, base)),
  fields => reading(fields, 'ratelimit', parseRateLimit),
  (fields, base) => exhausted(fields, base, [STANDARD_QUOTA]),
  exhausted,
]

/** Several lines of a field are one list (RFC 9110 §5.3). */
function reading(fields: Fields, name: string, parse: (value: string) => Millis | 'none' | undefined): Hint {
  const lines = fieldValues(fields, name)
  if (lines.length === 0) return NONE
  const wait = parse(lines.join(','))
  if (wait === 'none') return NONE
  return wait === undefined ? { kind: 'invalid', source: name } : { kind: 'wait', wait, source: name }
}

/** All exhausted quotas must reset before a repeat can succeed, so the latest wins. */
function exhausted(fields: Fields, base: number, resets: readonly QuotaFields[]): Hint {
  let latest: Hint = NONE
  for (const { remaining, reset } of resets) {
    if (!isZero(fieldValue(fields, remaining))) continue
    const lines = fieldValues(fields, reset)
    const wait = largest(lines.map(line => parseQuotaReset(line, base)))
    if (wait === undefined) {
      if (lines.length > 0 && latest.kind === 'none') latest = { kind: 'invalid', source: reset }
    } else if (latest.kind !== 'wait' || wait > latest.wait) latest = { kind: 'wait', wait, source: reset }
  }
  return latest
}

const isZero = (text: string | undefined): boolean => text !== undefined && /^[ \t]*0+(?:\.0+)?[ \t]*$/.test(text)
