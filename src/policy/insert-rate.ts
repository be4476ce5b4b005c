import { type Millis, seconds } from '../time/units.js'
import type { ReplaySettings } from './idempotency-settings.js'

/** A token bucket at rest, whole numbers only: processes that share it count alike. */
export type InsertBucket = {
  /** Millionths of a token. */
  readonly level: number
  /** Unix milliseconds it was last filled at. */
  readonly at: number
}

const TOKEN = 1_000_000
/** Clocks of machines that share a store may differ by this much; a larger step back is a clock that was set. */
const MAX_SKEW = 60_000

/**
 * Takes one token for a new claim (I11). Refused: `retryAfter` is in whole seconds, at least one, and enough for one
 * claim if no other comes. @param bucket `undefined` for a new one, which is full @param now Unix milliseconds
 */
export function takeInsert(
  bucket: InsertBucket | undefined,
  now: number,
  { per_second, burst }: ReplaySettings['rate'],
): { readonly bucket: InsertBucket; readonly retryAfter: Millis | undefined } {
  // Per millisecond, and whole: what is added up never drifts.
  const rate = Math.max(1, Math.round((per_second * TOKEN) / 1_000))
  const filled = fill(bucket ?? { level: burst * TOKEN, at: now }, Math.floor(now), rate, burst * TOKEN)
  if (filled.level >= TOKEN) return { bucket: { ...filled, level: filled.level - TOKEN }, retryAfter: undefined }
  const wait = Math.ceil((TOKEN - filled.level) / (rate * 1_000))
  return { bucket: filled, retryAfter: seconds(Math.max(1, wait)) }
}

function fill({ level, at }: InsertBucket, now: number, rate: number, capacity: number): InsertBucket {
  // A process whose clock is behind must not turn the others' back: they would fill the same span twice.
  if (now <= at) return { level: Math.min(capacity, level), at: at - now > MAX_SKEW ? now : at }
  return { level: Math.min(capacity, level + (now - at) * rate), at: now }
}
