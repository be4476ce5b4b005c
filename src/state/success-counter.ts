import type { Millis } from '../time/units.js'

const SLOTS = 60
const SLOT_MS = 1_000

/** How many successes there were in each of the last 60 seconds. Adding is O(1) and allocates nothing. */
export class SuccessCounter {
  readonly #counts = new Array<number>(SLOTS).fill(0)
  /** The second each slot counts; an older one is empty. */
  readonly #ticks = new Array<number>(SLOTS).fill(-1)

  /** @param now monotonic milliseconds. */
  add(now: number): void {
    const tick = Math.floor(now / SLOT_MS)
    const slot = tick % SLOTS
    if (this.#ticks[slot] === tick) {
      this.#counts[slot] = (this.#counts[slot] ?? 0) + 1
      return
    }
    this.#ticks[slot] = tick
    this.#counts[slot] = 1
  }

  /** Successes of about the last `span`, at most the last minute; of the oldest second only the share that is in it. */
  within(now: number, span: Millis): number {
    const tick = Math.floor(now / SLOT_MS)
    const from = (now - span) / SLOT_MS
    const oldest = Math.max(tick - SLOTS + 1, Math.floor(from))
    let sum = 0
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = this.#ticks[slot] ?? -1
      if (at < oldest || at > tick) continue
      sum += (this.#counts[slot] ?? 0) * (at < from ? 1 - (from - at) : 1)
    }
    return Math.ceil(sum)
  }
}
