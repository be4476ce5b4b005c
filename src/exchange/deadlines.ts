import type { TimeoutSettings } from '../policy/settings.js'
import { type Clock, timeLeft } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import type { Watch, Watched } from '../time/watch.js'

export type Expiry =
  | 'total' // the one deadline of the exchange (L2)
  | 'per-try' // sent, but no head in time
  | 'upload-stalled' // the client stopped sending its body
  | 'idle' // no byte of the answer for too long
  | 'client-stalled' // the client stopped reading the answer

/** A client may stop reading for this many idle spans before its answer is given up. */
const CLIENT_PATIENCE = 5

/**
 * All time limits of one exchange behind one due time. `total` runs until the final head goes to the client, and stands
 * still while the client is still sending its body: a long upload is not a slow upstream.
 */
export class Deadlines implements Watched {
  dueAt: number
  readonly #watch: Watch
  readonly #clock: Clock
  readonly #settings: TimeoutSettings
  readonly #expired: (what: Expiry) => void
  #total: number
  #perTry = Number.POSITIVE_INFINITY
  #uploadingSince: number | undefined
  #committed = false
  #idle = Number.POSITIVE_INFINITY
  #active: number
  #clientBlocked = false

  constructor(watch: Watch, clock: Clock, settings: TimeoutSettings, expired: (what: Expiry) => void) {
    this.#watch = watch
    this.#clock = clock
    this.#settings = settings
    this.#expired = expired
    this.#active = clock.monotonic()
    this.#total = this.#active + settings.total
    this.dueAt = this.#total
    watch.add(this)
  }

  get timeLeft(): Millis {
    return timeLeft(this.#clock, this.#total)
  }

  /** When the one deadline is, in monotonic milliseconds. */
  get total(): number {
    return this.#total
  }

  /** The request is with the upstream: its head is due. */
  awaitHead(): void {
    this.#perTry = this.#clock.monotonic() + this.#settings.per_try
    if (this.#perTry < this.dueAt) {
      this.dueAt = this.#perTry
      this.#watch.sooner(this)
    }
  }

  /** The attempt is over. */
  attemptOver(): void {
    this.#perTry = Number.POSITIVE_INFINITY
  }

  /** Bytes of the request body came, or its end did. */
  upload(ended: boolean): void {
    const now = this.#clock.monotonic()
    this.#active = now
    this.#uploadingSince ??= now
    if (!ended) return
    this.#total += now - this.#uploadingSince
    this.#uploadingSince = undefined
  }

  /** The final head went out: only silence counts from here. @param silent the answer may be silent for long (SSE) */
  commit(silent: boolean): void {
    this.#committed = true
    this.#idle = silent ? Number.POSITIVE_INFINITY : this.#settings.idle
    this.#active = this.#clock.monotonic()
    this.dueAt = this.#active + this.#idle
    if (!silent) this.#watch.sooner(this)
  }

  /** Bytes of the answer arrived. */
  active(): void {
    this.#active = this.#clock.monotonic()
  }

  clientBlocked(blocked: boolean): void {
    this.#clientBlocked = blocked
    this.#active = this.#clock.monotonic()
  }

  end(): void {
    this.#watch.remove(this)
  }

  due(now: number): void {
    const { at, what } = this.#next()
    this.dueAt = at
    if (at <= now) this.#expired(what)
  }

  #next(): { at: number; what: Expiry } {
    if (this.#committed) {
      if (this.#clientBlocked) return { at: this.#active + this.#idle * CLIENT_PATIENCE, what: 'client-stalled' }
      return { at: this.#active + this.#idle, what: 'idle' }
    }
    if (this.#uploadingSince !== undefined) return { at: this.#active + this.#settings.idle, what: 'upload-stalled' }
    return this.#perTry < this.#total ? { at: this.#perTry, what: 'per-try' } : { at: this.#total, what: 'total' }
  }
}
