import type { Clock } from '../time/clock.js'

/** What a well-behaved crowd may cancel at once, such as calls with one deadline, and per second. */
const BURST = 256
const PER_SECOND = 32

/** Requests that one connection may cancel before their answer: more is an attack (CVE-2023-44487), and costs upstreams. */
export class ResetBudget {
  readonly #clock: Clock
  #left = BURST
  #at: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#at = clock.monotonic()
  }

  /** @returns false when it is overdrawn */
  spend(): boolean {
    const now = this.#clock.monotonic()
    this.#left = Math.min(BURST, this.#left + ((now - this.#at) / 1_000) * PER_SECOND) - 1
    this.#at = now
    return this.#left >= 0
  }
}
