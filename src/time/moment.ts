import { parseDuration } from './units.js'

/** `24h` ago, `2026-01-31` or a time of it in UTC, as Unix milliseconds; `undefined` for anything else. @param now the same */
export function parseMoment(text: string, now: number): number | undefined {
  const ago = parseDuration(text)
  // Before all time there is nothing to find, and no date that others could read.
  if (ago !== undefined) return Math.max(0, now - ago)
  const at = /^\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}
