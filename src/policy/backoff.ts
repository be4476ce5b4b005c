import { type Millis, millis } from '../time/units.js'
import type { RetrySettings } from './settings.js'

/** No repeat follows at once, whatever the dice or the server say: a storm must not be one lucky draw away. */
export const BACKOFF_FLOOR = millis(10)

const HINT_JITTER_SHARE = 0.2
const MAX_HINT_JITTER = millis(30_000)
/** 2³⁰ times any base is beyond any cap; without it a large n would overflow. */
const MAX_DOUBLINGS = 30

/**
 * Full jitter: a draw from U(0, min(cap, base·2ⁿ)), at least 10 ms (R4). The draw comes after the cap, so that
 * requests which failed together stay apart however long it lasts. @param n repeats made so far.
 */
export function backoff(n: number, settings: RetrySettings['backoff'], random: () => number): Millis {
  const ceiling = Math.min(settings.cap, settings.base * 2 ** Math.min(n, MAX_DOUBLINGS))
  return millis(Math.max(BACKOFF_FLOOR, random() * ceiling))
}

/**
 * The wait for a server's hint: never before the instant it named, later by U(0, min(0.2·hint, 30 s)) (R6).
 * A hint of 0 or a date past gets the backoff floor.
 */
export function afterHint(hint: Millis, random: () => number): Millis {
  const jitter = random() * Math.min(HINT_JITTER_SHARE * hint, MAX_HINT_JITTER)
  return millis(Math.max(BACKOFF_FLOOR, hint + jitter))
}
