import { createHash } from 'node:crypto'
import type { Clock } from '../time/clock.js'

/** R11: how long a client's own repeat is recognised, in milliseconds, and how many keys are remembered. */
const REMEMBERED_FOR = 600_000
const REMEMBERED_MAX = 10_000

/** Keys that we minted for clients that count their own repeats: the repeat is the same operation (R11). */
export class MintedKeys {
  readonly #clock: Clock
  readonly #keys = new Map<string, { readonly key: string; readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param parts what the repeat has in common with the request: method, URL, body, credential */
  recall(parts: readonly string[]): string | undefined {
    const found = this.#keys.get(print(parts))
    return found !== undefined && this.#clock.monotonic() - found.at <= REMEMBERED_FOR ? found.key : undefined
  }

  remember(parts: readonly string[], key: string): void {
    const name = print(parts)
    // To the end of the order, which is that of age.
    this.#keys.delete(name)
    this.#keys.set(name, { key, at: this.#clock.monotonic() })
    const oldest = this.#keys.size > REMEMBERED_MAX ? this.#keys.keys().next() : undefined
    if (oldest?.done === false) this.#keys.delete(oldest.value)
  }
}

const print = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
