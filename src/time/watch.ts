import type { Cancel, Clock } from './clock.js'
import { millis } from './units.js'

/** Something with a due time that a `Watch` keeps an eye on. */
export type Watched = {
  /** Monotonic milliseconds; may move later at any time, earlier only through `Watch.sooner`. */
  dueAt: number
  /** Its neighbours in the watch's list: the watch's own business, undefined at first. */
  before: Watched | undefined
  after: Watched | undefined
  /** Called when due. Afterwards it stays watched if `dueAt` was moved into the future. */
  readonly due: (now: number) => void
}

/** Coarseness of every exchange deadline, in milliseconds: it may fire this much late, never early. */
const GRAIN = 10

/**
 * One timer for all deadlines: a request that ends in time costs two pointers, no timer. The list is only walked when
 * the soonest deadline is reached. A list, not a `Set`: with entries coming and going, the tables that a `Set` leaves
 * behind chain dead requests together, and the young generation cannot let go of them.
 */
export class Watch {
  readonly #clock: Clock
  #first: Watched | undefined
  #wakeAt = Number.POSITIVE_INFINITY
  #cancel: Cancel | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(entry: Watched): void {
    entry.after = this.#first
    if (this.#first !== undefined) this.#first.before = entry
    this.#first = entry
    if (entry.dueAt < this.#wakeAt) this.#arm(entry.dueAt)
  }

  remove(entry: Watched): void {
    const { before, after } = entry
    if (before !== undefined) before.after = after
    else if (this.#first === entry) this.#first = after
    if (after !== undefined) after.before = before
    entry.before = undefined
    entry.after = undefined
    if (this.#first === undefined) this.#disarm()
  }

  /** Call after moving `entry.dueAt` to an earlier time. */
  sooner(entry: Watched): void {
    if (entry.dueAt < this.#wakeAt && this.#isWatched(entry)) this.#arm(entry.dueAt)
  }

  #isWatched(entry: Watched): boolean {
    return this.#first === entry || entry.before !== undefined
  }

  #arm(at: number): void {
    this.#cancel?.()
    this.#wakeAt = at
    this.#cancel = this.#clock.schedule(millis(Math.max(at - this.#clock.monotonic(), 0) + GRAIN), () => this.#sweep())
  }

  #disarm(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#wakeAt = Number.POSITIVE_INFINITY
  }

  #sweep(): void {
    const now = this.#clock.monotonic()
    this.#cancel = undefined
    this.#wakeAt = Number.POSITIVE_INFINITY
    const entries: Watched[] = []
    for (let entry = this.#first; entry !== undefined; entry = entry.after) entries.push(entry)
    let soonest = Number.POSITIVE_INFINITY
    for (const entry of entries) {
      if (entry.dueAt <= now && this.#isWatched(entry)) entry.due(now)
      if (this.#isWatched(entry) && entry.dueAt < soonest) soonest = entry.dueAt
    }
    // A callback may have armed the timer itself, by adding or moving an entry.
    if (soonest < this.#wakeAt) this.#arm(soonest)
  }
}
