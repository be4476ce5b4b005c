/** Work on the same key runs one after the other, in the order of asking; work on other keys beside it. */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = keys.flatMap(key => this.#tails.get(key) ?? [])
    const done = Promise.allSettled(before).then(work)
    for (const key of keys) this.#tails.set(key, done)
    try {
      return await done
    } finally {
      for (const key of keys) if (this.#tails.get(key) === done) this.#tails.delete(key)
    }
  }

  /** Resolves when all work that was asked for until now is over. */
  async empty(): Promise<void> {
    await Promise.allSettled(this.#tails.values())
  }
}
