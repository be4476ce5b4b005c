import { type Fields, fieldValue } from '../http/fields.js'
import type { TimeoutSettings } from '../policy/settings.js'
import { type Clock, timeLeft } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import type { Watch, Watched } from '../time/watch.js'

export type Expiry =
  | 'total' // the one deadline of the exchange (L2)
  | 'per-try' // sent, but no head in time
  | 'upload-stalled' // the request body stopped moving
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
  before: Watched | undefined
  after: Watched | undefined
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
  #clientLeft = false

  constructor(watch: Watch, clock: Clock, settings: TimeoutSettings, expired: (what: Expiry) => void) {
    this.#watch = watch
    this.#clock = clock
    this.#settings = settings
    this.#expired = expired
    this.#active = clock.lately()
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

  /** The request is with the upstream: its head is due. @returns now, monotonic */
  awaitHead(): number {
    const now = this.#clock.monotonic()
    this.#perTry = now + this.#settings.per_try
    if (this.#perTry < this.dueAt) {
      this.dueAt = this.#perTry
      this.#watch.sooner(this)
    }
    return now
  }

  /** The attempt is over. */
  attemptOver(): void {
    this.#perTry = Number.POSITIVE_INFINITY
  }

  /** The client is asked for its body, or bytes of it came. */
  uploading(): void {
    this.#active = this.#clock.lately()
    if (this.#uploadingSince !== undefined) return
    this.#uploadingSince = this.#active
    const stalledAt = this.#active + this.#settings.idle
    if (stalledAt >= this.dueAt) return
    this.dueAt = stalledAt
    this.#watch.sooner(this)
  }

  /** The client's body is complete, or no more of it is asked for. */
  uploadHalted(): void {
    if (this.#uploadingSince === undefined) return
    this.#total += this.#clock.lately() - this.#uploadingSince
    this.#uploadingSince = undefined
  }

  /** The final head went out: only silence counts from here, and an event stream may be silent for as long as it likes. */
  commit(fields: Fields): void {
    const silent = fieldValue(fields, 'content-type')?.toLowerCase().startsWith('text/event-stream') ?? false
    this.#committed = true
    this.#idle = silent ? Number.POSITIVE_INFINITY : this.#settings.idle
    this.#active = this.#clock.lately()
    this.dueAt = this.#active + this.#idle
    if (!silent) this.#watch.sooner(this)
  }

  /** Bytes of the answer arrived. */
  active(): void {
    this.#active = this.#clock.lately()
  }

  /** The client reads no more for now, or reads on. */
  clientBlocked(blocked: boolean): void {
    this.#clientBlocked = blocked
    this.#active = this.#clock.lately()
    this.dueAt = this.#next().at
    this.#watch.sooner(this)
  }

  /** What goes on without its client ends with the deadline, however long the rest of the answer may be (I9). */
  clientLeft(): void {
    this.#clientLeft = true
    this.dueAt = this.#next().at
    this.#watch.sooner(this)
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
      const silentAt = this.#active + this.#idle
      if (this.#clientLeft)
        return silentAt < this.#total ? { at: silentAt, what: 'idle' } : { at: this.#total, what: 'total' }
      if (this.#clientBlocked)
        return { at: this.#active + this.#settings.idle * CLIENT_PATIENCE, what: 'client-stalled' }
      return { at: silentAt, what: 'idle' }
    }
    if (this.#uploadingSince !== undefined) return { at: this.#active + this.#settings.idle, what: 'upload-stalled' }
    return this.#perTry < this.#total ? { at: this.#perTry, what: 'per-try' } : { at: this.#total, what: 'total' }
  }
}
