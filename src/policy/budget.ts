import type { RetrySettings } from './settings.js'

/** One first attempt, in the integers the budget counts with: shares such as 1/0.3 stay exact enough. */
const DEPOSIT = 1_000
const SLOTS = 10
const SLOT_MS = 1_000

/**
 * A window of tokens over the last 10 s (R7): each first attempt deposits one, each repeat costs 1/ratio of them, and
 * `min_per_second` repeats are free of deposits. So in a total outage repeats add at most `ratio` to the load.
 * Time is passed in, monotonic milliseconds; all operations are O(1).
 */
export class RetryBudget {
  readonly #cost: number
  readonly #deposit: number
  readonly #reserve: number
  readonly #slots = new Array<number>(SLOTS).fill(0)
  #sum = 0
  #tick = 0

  constructor({ ratio, min_per_second }: RetrySettings['budget']) {
    this.#deposit = ratio > 0 ? DEPOSIT : 0
    this.#cost = ratio > 0 ? Math.max(1, Math.round(DEPOSIT / ratio)) : DEPOSIT
    this.#reserve = Math.round(min_per_second * SLOTS * this.#cost)
  }

  /** It pays for nothing, ever: retries are off. */
  get isOff(): boolean {
    return this.#deposit === 0 && this.#reserve === 0
  }

  /** A first attempt was made. */
  deposit(now: number): void {
    this.#expire(now)
    this.#add(this.#tick, this.#deposit)
  }

  /** Repeats that could be paid now: whole ones, never negative. */
  available(now: number): number {
    this.#expire(now)
    return Math.max(0, Math.floor((this.#sum + this.#reserve) / this.#cost))
  }

  canWithdraw(now: number): boolean {
    this.#expire(now)
    return this.#sum + this.#reserve >= this.#cost
  }

  /** Pays one repeat, before its wait: else a whole wave would start to wait on the same tokens. */
  withdraw(now: number): boolean {
    if (!this.canWithdraw(now)) return false
    this.#add(this.#tick, -this.#cost)
    return true
  }

  /** The repeat was not made. @param withdrawnAt when it was paid: a payment that left the window gives nothing back. */
  refund(now: number, withdrawnAt = now): void {
    this.#expire(now)
    const tick = Math.min(this.#tick, Math.floor(withdrawnAt / SLOT_MS))
    if (tick > this.#tick - SLOTS) this.#add(tick, this.#cost)
  }

  #add(tick: number, tokens: number): void {
    this.#slots[tick % SLOTS] = (this.#slots[tick % SLOTS] ?? 0) + tokens
    this.#sum += tokens
  }

  #expire(now: number): void {
    const tick = Math.floor(now / SLOT_MS)
    if (tick <= this.#tick) return
    const from = Math.max(this.#tick + 1, tick - SLOTS + 1)
    for (let t = from; t <= tick; t++) {
      this.#sum -= this.#slots[t % SLOTS] ?? 0
      this.#slots[t % SLOTS] = 0
    }
    this.#tick = tick
  }
}
