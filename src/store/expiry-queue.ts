/** Something with an end. */
export type Ending = {
  /** Unix milliseconds; `Infinity` for never. */
  readonly expiresAt: number
}

/** What is soonest over comes out first. Entries that are gone stay until they come out or `compact` runs: see `isStale`. */
export class ExpiryQueue<T extends Ending> {
  readonly #isStale: (entry: T) => boolean
  /** A binary heap. */
  #heap: T[] = []

  /** @param isStale whether an entry has been replaced or deleted since it was added */
  constructor(isStale: (entry: T) => boolean) {
    this.#isStale = isStale
  }

  get size(): number {
    return this.#heap.length
  }

  add(entry: T): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.expiresAt <= entry.expiresAt) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  /** The entry that ends first; `undefined` when none is left. */
  first(): T | undefined {
    for (let entry = this.#heap[0]; entry !== undefined; entry = this.#heap[0]) {
      if (!this.#isStale(entry)) return entry
      this.#drop()
    }
    return undefined
  }

  /** Like `first`, and no longer in the queue. */
  take(): T | undefined {
    const entry = this.first()
    if (entry !== undefined) this.#drop()
    return entry
  }

  /** Forgets stale entries: worth it when they are the most, which the caller knows. */
  compact(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter(entry => !this.#isStale(entry)).sort((a, b) => a.expiresAt - b.expiresAt)
  }

  #drop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      let smaller = heap[child]
      const right = heap[child + 1]
      if (smaller === undefined) break
      if (right !== undefined && right.expiresAt < smaller.expiresAt) {
        smaller = right
        child += 1
      }
      if (last.expiresAt <= smaller.expiresAt) break
      heap[at] = smaller
      at = child
    }
    heap[at] = last
  }
}
