import { type Millis, millis } from '../time/units.js'
import { parseHttpDate } from './http-date.js'

/** No hint is longer than this; far above any timer, but still a whole number that can be added to. */
const LONGEST = 2 ** 52

const DAY_NAME = /^[ \t]*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*[ \t]*$/
const DECIMAL = /^\d+(?:\.\d+)?$/

/** A span that a server named: whole milliseconds, rounded up so that it is never early, finite, not negative. */
export const hintMillis = (n: number): Millis => millis(Math.min(LONGEST, Math.max(0, Math.ceil(n))))

/**
 * The wait one field value asks for; `undefined` when it is malformed or empty.
 * RFC 9110 §10.2.3: delay-seconds or an HTTP-date. Beyond the grammar `1.5` is read as 1500 ms, because real servers
 * send it, and of a list (`1, 2`, or lines joined by a comma) the largest valid member counts. A past date is 0.
 * @param now Unix milliseconds by the clock of whoever wrote the date.
 */
export function parseRetryAfter(value: string, now: number): Millis | undefined {
  return largest(members(value).map(member => delaySeconds(member) ?? untilDate(member, now)))
}

/** The vendors' `retry-after-ms` and its like: milliseconds, a fraction rounded up; the largest valid member of a list. */
export function parseDelayMillis(value: string): Millis | undefined {
  return largest(members(value).map(member => (DECIMAL.test(member) ? hintMillis(Number(member)) : undefined)))
}

/** The largest of several readings, `undefined` when there is none. */
export function largest(readings: readonly (Millis | undefined)[]): Millis | undefined {
  return readings.reduce((a, b) => (a === undefined || (b !== undefined && b > a) ? b : a), undefined)
}

function delaySeconds(text: string): Millis | undefined {
  return DECIMAL.test(text) ? hintMillis(Number(text) * 1_000) : undefined
}

function untilDate(text: string, now: number): Millis | undefined {
  const at = parseHttpDate(text, now)
  return at === undefined ? undefined : hintMillis(at - now)
}

/** Splits at commas, except the one that belongs to a date; empty members mean nothing (RFC 9110 §5.6.1). */
function members(value: string): string[] {
  const found: string[] = []
  const parts = value.split(',')
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? ''
    const dated = DAY_NAME.test(part) && i + 1 < parts.length
    found.push((dated ? `${part},${parts[++i]}` : part).trim())
  }
  return found.filter(member => member !== '')
}
