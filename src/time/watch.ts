import type { Cancel, Clock } from './clock.js'
import { millis } from './units.js'

/** Something with a due time that a `Watch` keeps an eye on. */
export type Watched = {
  /** Monotonic milliseconds; may move later at any time, earlier only through `Watch.sooner`. */
  dueAt: number
  /** Called when due. Afterwards it stays watched if `dueAt` was moved into the future. */
  readonly due: (now: number) => void
}

/** Coarseness of every exchange deadline, in milliseconds: it may fire this much late, never early. */
const GRAIN = 10

/**
 * One timer for all deadlines: a request that ends in time costs a set insert and a delete, no timer.
 * The set is only walked when the soonest deadline is reached.
 */
export class Watch {
  readonly #clock: Clock
  readonly #watched = new Set<Watched>()
  #wakeAt = Number.POSITIVE_INFINITY
  #cancel: Cancel | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(entry: Watched): void {
    this.#watched.add(entry)
    if (entry.dueAt < this.#wakeAt) this.#arm(entry.dueAt)
  }

  remove(entry: Watched): void {
    this.#watched.delete(entry)
    if (this.#watched.size === 0) this.#disarm()
  }

  /** Call after moving `entry.dueAt` to an earlier time. */
  sooner(entry: Watched): void {
    if (entry.dueAt < this.#wakeAt && this.#watched.has(entry)) this.#arm(entry.dueAt)
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
    let soonest = Number.POSITIVE_INFINITY
    for (const entry of [...this.#watched]) {
      if (entry.dueAt <= now && this.#watched.has(entry)) entry.due(now)
      if (this.#watched.has(entry) && entry.dueAt < soonest) soonest = entry.dueAt
    }
    // A callback may have armed the timer itself, by adding or moving an entry.
    if (soonest < this.#wakeAt) this.#arm(soonest)
  }
}
