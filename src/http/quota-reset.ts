import type { Millis } from '../time/units.js'
import { parseHttpDate } from './http-date.js'
import { hintMillis } from './retry-after.js'

const DURATION = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|\xc2\xb5s|ns))+$/
const DURATION_PART = /(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|\xc2\xb5s|ns)/g
const RFC_3339 = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:(?:[0-5]\d|60))(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, ns: 1e-6 }

/** Below it an integer is seconds from now; from here on, Unix seconds. */
const FIRST_EPOCH_SECONDS = 1e8
/** From here on an integer is Unix milliseconds. */
const FIRST_EPOCH_MILLIS = 1e11

/**
 * How long until a vendor's quota resets; `undefined` when the value is none of the forms vendors use: Go durations
 * (`6m0s`, `7.66s`), RFC 3339 times, HTTP-dates, and numbers told apart by size: seconds from now, Unix seconds, Unix ms.
 * Never for `Retry-After`, whose grammar is fixed. @param now Unix milliseconds by the vendor's clock.
 */
export function parseQuotaReset(text: string, now: number): Millis | undefined {
  const value = text.trim()
  if (/^\d+(?:\.\d+)?$/.test(value)) return numeric(Number(value), now)
  if (DURATION.test(value)) return hintMillis(goDuration(value))
  const at = rfc3339(value) ?? parseHttpDate(value, now)
  return at === undefined ? undefined : hintMillis(at - now)
}

function numeric(n: number, now: number): Millis {
  if (n < FIRST_EPOCH_SECONDS) return hintMillis(n * 1_000)
  return hintMillis((n < FIRST_EPOCH_MILLIS ? n * 1_000 : n) - now)
}

function goDuration(text: string): number {
  let total = 0
  // Whatever else the pattern allows is a spelling of microseconds.
  for (const [, count, unit = ''] of text.matchAll(DURATION_PART)) total += Number(count) * (UNIT_MS[unit] ?? 1e-3)
  return total
}

function rfc3339(text: string): number | undefined {
  const [, day, clock = '', fraction = '', zone = ''] = RFC_3339.exec(text) ?? []
  if (day === undefined || !isCalendarDay(day)) return undefined
  // Date.parse() knows no leap second and only three digits of a fraction.
  const leap = clock.endsWith(':60')
  const at = Date.parse(`${day}T${leap ? clock.replace(/60$/, '59') : clock}${zone.toUpperCase()}`)
  return Number.isNaN(at) ? undefined : at + (leap ? 1_000 : Number(`0${fraction}`) * 1_000)
}

/** Date.parse() turns 30 February into 1 March. */
function isCalendarDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}
