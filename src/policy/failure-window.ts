import type { Millis } from '../time/units.js'

const SLOTS = 10

/** How many requests of the last `span` there were, and how many failed, to a tenth of the span. O(1), no allocation. */
export class FailureWindow {
  readonly #slotMs: number
  readonly #totals = new Array<number>(SLOTS).fill(0)
  readonly #failures = new Array<number>(SLOTS).fill(0)
  #tick = 0
  #total = 0
  #failed = 0

  constructor(span: Millis) {
    this.#slotMs = Math.max(1, span / SLOTS)
  }

  /** As of the last `add`. */
  get total(): number {
    return this.#total
  }

  get failed(): number {
    return this.#failed
  }

  /** @param now monotonic milliseconds. */
  add(now: number, failed: boolean): void {
    this.#expire(Math.floor(now / this.#slotMs))
    const slot = this.#tick % SLOTS
    this.#totals[slot] = (this.#totals[slot] ?? 0) + 1
    this.#total++
    if (!failed) return
    this.#failures[slot] = (this.#failures[slot] ?? 0) + 1
    this.#failed++
  }

  clear(): void {
    this.#totals.fill(0)
    this.#failures.fill(0)
    this.#total = 0
    this.#failed = 0
  }

  #expire(tick: number): void {
    for (let t = Math.max(this.#tick + 1, tick - SLOTS + 1); t <= tick; t++) {
      this.#total -= this.#totals[t % SLOTS] ?? 0
      this.#failed -= this.#failures[t % SLOTS] ?? 0
      this.#totals[t % SLOTS] = 0
      this.#failures[t % SLOTS] = 0
    }
    this.#tick = Math.max(this.#tick, tick)
  }
}
