/** As many equal requests of one client, without an idempotency key, are paid for side by side; more wait. */
const SLOTS = 16

type Running = {
  /** Its client left: should it come again, it comes for this one. */
  alone: boolean
  readonly waiting: Set<() => void>
}

/**
 * The purchases that this process is at, by their keys. Two equal requests at once are two wanted purchases, and each has
 * a slot of the key; but a client that left and comes again waits for its own, and does not make another one (P5, P8).
 */
export class RunningPurchases {
  readonly #running = new Map<string, Running>()

  /** The first of these keys that nobody here is at; it is taken now, until `leave`. */
  enter(keys: readonly string[]): string | undefined {
    const free = keys.find(key => !this.#running.has(key))
    if (free !== undefined) this.#running.set(free, { alone: false, waiting: new Set() })
    return free
  }

  clientLeft(key: string): void {
    const running = this.#running.get(key)
    if (running) running.alone = true
  }

  /** Its outcome is written, and its answer kept if it must be. */
  leave(key: string): void {
    const running = this.#running.get(key)
    this.#running.delete(key)
    for (const tell of running?.waiting ?? []) tell()
  }

  /** Resolves when none of those runs whose clients left. */
  async over(keys: readonly string[]): Promise<void> {
    const alone = keys.flatMap(key => this.#running.get(key) ?? []).filter(running => running.alone)
    await Promise.all(alone.map(({ waiting }) => new Promise<void>(resolve => waiting.add(resolve))))
  }
}

/** @param keyed an idempotency key names one purchase, however often it comes at once */
export const slotsOf = (key: string, keyed: boolean): readonly string[] =>
  keyed ? [key] : Array.from({ length: SLOTS }, (_, i) => (i === 0 ? key : `${key}.${i}`))
