/** What one number per request holds: a run asks for millions. */
const TRIES = 0x0f
const IN_DOUBT = 0x10
const DONE = 0x20

/** What reached the upstream, and what came of it. */
export class Effects {
  readonly #states = new Map<number, number>()
  /** The key of a request that the daemon gave one. */
  readonly #keys = new Map<number, string>()
  arrivals = 0
  effects = 0
  /** Arrivals of a request that must not be repeated, after one that may have been done. */
  bareRepeats = 0
  /** Done once more, where once was asked for. */
  duplicates = 0
  /** Tries of one request with different keys. */
  otherKeys = 0

  /** A head was read. @param bare neither its method nor a key makes a repeat harmless @returns which try it is, from 0 */
  arrive(id: number, bare: boolean): number {
    const state = this.#states.get(id) ?? 0
    const tries = state & TRIES
    if (bare && (state & IN_DOUBT) !== 0) this.bareRepeats++
    this.arrivals++
    this.#states.set(id, (state & ~TRIES) | Math.min(tries + 1, TRIES) | IN_DOUBT)
    return tries
  }

  /** It is told that nothing was done: whoever reads that may ask again. @param counts the next try is another one */
  refuse(id: number, counts: boolean): void {
    const state = (this.#states.get(id) ?? 0) & ~IN_DOUBT
    this.#states.set(id, counts ? state : state - 1)
  }

  /** @param once doing it twice would be wrong @param key by which it is done only once, whoever asks how often */
  apply(id: number, once: boolean, key?: string): void {
    const state = this.#states.get(id) ?? 0
    if (key !== undefined) {
      const first = this.#keys.get(id)
      if (first === key) return
      if (first !== undefined) this.otherKeys++
      this.#keys.set(id, key)
    }
    this.effects++
    if (once && (state & DONE) !== 0) this.duplicates++
    this.#states.set(id, state | DONE)
  }
}
