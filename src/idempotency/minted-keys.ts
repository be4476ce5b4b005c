import { createHash } from 'node:crypto'
import type { Clock } from '../time/clock.js'

/** R11: how long a client's own repeat is recognised, in milliseconds, and how many keys are remembered. */
const REMEMBERED_FOR = 600_000
const REMEMBERED_MAX = 10_000

/** Keys that we minted for clients that count their own repeats: the repeat is the same operation (R11). */
export class MintedKeys {
  readonly #clock: Clock
  readonly #onMinted: (name: string, key: string) => void
  readonly #keys = new Map<string, { readonly key: string; readonly at: number }>()

  /** @param onMinted told what other processes must learn to know the repeat, too */
  constructor(clock: Clock, onMinted: (name: string, key: string) => void = () => undefined) {
    this.#clock = clock
    this.#onMinted = onMinted
  }

  /** @param parts what the repeat has in common with the request: method, URL, body, credential */
  recall(parts: readonly string[]): string | undefined {
    const found = this.#keys.get(print(parts))
    return found !== undefined && this.#clock.monotonic() - found.at <= REMEMBERED_FOR ? found.key : undefined
  }

  remember(parts: readonly string[], key: string): void {
    const name = print(parts)
    this.learn(name, key)
    this.#onMinted(name, key)
  }

  /** Another process minted it. @param age milliseconds since */
  learn(name: string, key: string, age = 0): void {
    // To the end of the order, which is that of age.
    this.#keys.delete(name)
    this.#keys.set(name, { key, at: this.#clock.monotonic() - age })
    const oldest = this.#keys.size > REMEMBERED_MAX ? this.#keys.keys().next() : undefined
    if (oldest?.done === false) this.#keys.delete(oldest.value)
  }

  /** For a process that comes later to learn, the oldest first. */
  known(): { readonly name: string; readonly key: string; readonly age: number }[] {
    const now = this.#clock.monotonic()
    return [...this.#keys].map(([name, { key, at }]) => ({ name, key, age: now - at }))
  }
}

const print = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
