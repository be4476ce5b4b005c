import { type Millis, millis, seconds } from '../time/units.js'
import { afterHint, backoff } from './backoff.js'

/** Between two renewals that a 401 forced, and after a token came: so long a 401 speaks of something else (T4, TR-10). */
export const RENEWAL_FLOOR = seconds(5)

/** After a failure nothing asks for half to the whole of 1 s, then of 2 s, 4 s … 60 s (TR-04). */
const COOLDOWN = { base: seconds(1), cap: seconds(60) }
/** The longest a source's own hint is believed: one answer must not end a credential for a day. */
const MAX_HINT = seconds(300)
/** A source whose own work looks like news to it must not spin. */
const NEWS_GAP = seconds(1)

/**
 * How often one source may be asked: not while a failure cools down, not at all after a permanent one (TR-05), and not
 * for every 401 (T4). Time is passed in, monotonic milliseconds; nothing here allocates.
 */
export class RenewalPace {
  readonly #floor: Millis
  #failures = 0
  #coolUntil = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #forcedAt = Number.NEGATIVE_INFINITY
  #needsLogin = false

  constructor(floor: Millis = RENEWAL_FLOOR) {
    this.#floor = floor
  }

  /** The last failure was permanent: only news end it. */
  get needsLogin(): boolean {
    return this.#needsLogin
  }

  /** The last call failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  mayAsk(now: number): boolean {
    return !this.#needsLogin && now >= this.#coolUntil
  }

  /** May a 401 start a renewal? @param cameAt when the refused token came */
  mayForce(now: number, cameAt: number): boolean {
    return this.mayAsk(now) && now >= this.#forcedAt + this.#floor && now >= cameAt + this.#floor
  }

  /** Until a failure has cooled down. */
  remaining(now: number): Millis {
    return millis(Math.max(0, this.#coolUntil - now))
  }

  /** A 401 had a part in the call that ended. */
  noteForced(now: number): void {
    this.#forcedAt = now
  }

  onSuccess(): void {
    this.#failures = 0
    this.#needsLogin = false
    this.#coolUntil = Number.NEGATIVE_INFINITY
  }

  /** @param hint the source's own `Retry-After`; it wins, but for a zero, which would make us spin */
  onFailure(now: number, permanent: boolean, hint: Millis | undefined, random: () => number): void {
    const hinted = hint !== undefined && hint > 0
    const wait = hinted
      ? afterHint(millis(Math.min(hint, MAX_HINT)), random)
      : // The upper half only: a storm that is still going on must not find the source free again at once.
        backoff(this.#failures, COOLDOWN, () => (1 + random()) / 2)
    this.#failures++
    this.#needsLogin = permanent
    this.#failedAt = now
    this.#coolUntil = now + wait
  }

  /** Something changed: what failed before may work now. */
  onNews(): void {
    this.#failures = 0
    this.#needsLogin = false
    this.#coolUntil = Math.min(this.#coolUntil, this.#failedAt + NEWS_GAP)
  }
}
