/** As many equal requests of one client, without an idempotency key, are paid for side by side; more wait. */
const SLOTS = 16

/** Its client left: should it come again, it comes for this one. */
type Running = { alone: boolean }

/**
 * The purchases that this process is at, by their keys. Two equal requests at once are two wanted purchases, and each has
 * a slot of the key; but a client that left and comes again waits for its own, and does not make another one (P5, P8).
 */
export class RunningPurchases {
  readonly #running = new Map<string, Running>()
  /** Those who wait for a slot, by the first of its key. */
  readonly #waiting = new Map<string, Set<() => void>>()

  /**
   * Takes the first of these keys that nobody here is at, until `leave`: as soon as there is one, and none of them runs
   * for a client that left. @returns `undefined` when `signal` came first
   */
  async enter(keys: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    while (!signal.aborted) {
      const free = keys.find(key => !this.#running.has(key))
      if (free !== undefined && !keys.some(key => this.#running.get(key)?.alone)) {
        this.#running.set(free, { alone: false })
        return free
      }
      await this.#change(keys, signal)
    }
    return undefined
  }

  /** The purchase turned out to be of another slot. @returns the slot that is held from now on */
  move(from: string, to: string): string {
    if (this.#running.has(to)) return from
    this.#running.set(to, { alone: false })
    this.leave(from)
    return to
  }

  clientLeft(slot: string): void {
    const running = this.#running.get(slot)
    if (running) running.alone = true
  }

  /** Its outcome is written, and its answer kept if it must be. */
  leave(slot: string): void {
    const first = firstOf(slot)
    const waiting = this.#waiting.get(first)
    this.#running.delete(slot)
    this.#waiting.delete(first)
    for (const tell of waiting ?? []) tell()
  }

  #change([key = '']: readonly string[], signal: AbortSignal): Promise<void> {
    const first = firstOf(key)
    const waiting = this.#waiting.get(first) ?? new Set()
    this.#waiting.set(first, waiting)
    return new Promise(resolve => {
      const tell = () => {
        signal.removeEventListener('abort', tell)
        waiting.delete(tell)
        resolve()
      }
      waiting.add(tell)
      signal.addEventListener('abort', tell, { once: true })
    })
  }
}

/** @param keyed an idempotency key names one purchase, however often it comes at once */
export const slotsOf = (key: string, keyed: boolean): readonly string[] =>
  keyed ? [key] : Array.from({ length: SLOTS }, (_, i) => (i === 0 ? key : `${key}.${i}`))

const firstOf = (slot: string): string => slot.split('.', 1)[0] ?? slot
