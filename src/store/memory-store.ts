import type { Clock } from '../time/clock.js'
import { checkKeys } from './change.js'
import { type Ending, ExpiryQueue } from './expiry-queue.js'
import { type Change, type Decide, type Put, type Store, StoreError } from './store.js'

type Entry = Ending & { readonly key: string; readonly evictable: boolean; value: Buffer; bytes: number }

/** Bytes that an entry takes beside its key and value, roughly. */
const OVERHEAD = 200

/** Ended entries that one update forgets at most: the rest is for the next. */
const SWEEP = 100

const DEFAULT_MAX_BYTES = 256 * 1_048_576

/** State for one process, gone with it. What has ended is forgotten by later updates, so no timer is needed. */
export function memoryStore(clock: Clock, maxBytes: number = DEFAULT_MAX_BYTES): Store {
  const memory = new Memory(clock, maxBytes)
  return {
    kind: 'memory',
    get: async key => memory.get(key),
    update: async (keys, decide) => memory.update(keys, decide),
    whenWritten: then => then(),
    scan: prefix => memory.scan(prefix),
    close: async () => memory.clear(),
  }
}

class Memory {
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry>()
  readonly #ending = new ExpiryQueue<Entry>(entry => this.#entries.get(entry.key) !== entry)
  readonly #evictable = new ExpiryQueue<Entry>(entry => this.#entries.get(entry.key) !== entry)
  #bytes = 0

  constructor(clock: Clock, maxBytes: number) {
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  get(key: string): Buffer | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined || entry.expiresAt <= this.#clock.now() ? undefined : entry.value
  }

  update<T>(keys: readonly string[], decide: Decide<T>): T {
    const change = decide(keys.map(key => this.get(key)))
    checkKeys(keys, change)
    this.#sweep(SWEEP)
    this.#makeRoom(keys, change)
    for (const key of change.deletes ?? []) this.#forget(key)
    for (const put of change.puts ?? []) this.#write(put)
    this.#compact()
    return change.result
  }

  async *scan(prefix: string): AsyncGenerator<readonly [string, Buffer]> {
    const keys = [...this.#entries.keys()].filter(key => key.startsWith(prefix)).sort()
    for (const key of keys) {
      const value = this.get(key)
      if (value !== undefined) yield [key, value]
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#ending.compact()
    this.#evictable.compact()
    this.#bytes = 0
  }

  #write({ key, value: given, expiresAt, evictable = false }: Put): void {
    // A copy: the value may be a slice of something much larger, or be written to later.
    const value = Buffer.from(given)
    const bytes = sizeOf(key, value)
    const before = this.#entries.get(key)
    // Most writes change what is kept and not when it ends: its places in the queues stay.
    if (before?.expiresAt === expiresAt && before.evictable === evictable) {
      this.#bytes += bytes - before.bytes
      before.value = value
      before.bytes = bytes
      return
    }
    this.#forget(key)
    const entry: Entry = { key, value, expiresAt, evictable, bytes }
    this.#entries.set(key, entry)
    this.#bytes += entry.bytes
    if (expiresAt !== Number.POSITIVE_INFINITY) this.#ending.add(entry)
    if (evictable) this.#evictable.add(entry)
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }

  #sweep(most: number): void {
    const now = this.#clock.now()
    for (let left = most; left > 0; left -= 1) {
      const entry = this.#ending.first()
      if (entry === undefined || entry.expiresAt > now) return
      this.#forget(entry.key)
    }
  }

  /** @throws StoreError 'full' before anything of the change is written */
  #makeRoom(keys: readonly string[], change: Change<unknown>): void {
    if (this.#fits(change)) return
    this.#sweep(Number.POSITIVE_INFINITY)
    const spared: Entry[] = []
    while (!this.#fits(change)) {
      const entry = this.#evictable.take()
      if (entry === undefined) break
      // What was just read was decided upon: it stays.
      if (keys.includes(entry.key)) spared.push(entry)
      else this.#forget(entry.key)
    }
    for (const entry of spared) this.#evictable.add(entry)
    if (!this.#fits(change)) throw new StoreError('full', `the store in memory is full (${this.#maxBytes} bytes)`)
  }

  /** Whether the store is within its cap afterwards, or smaller than it was. */
  #fits({ puts = [], deletes = [] }: Change<unknown>): boolean {
    let grown = 0
    for (const put of puts) grown += sizeOf(put.key, put.value)
    if (this.#bytes + grown <= this.#maxBytes) return true
    const written = new Set([...puts.map(put => put.key), ...deletes])
    for (const key of written) grown -= this.#entries.get(key)?.bytes ?? 0
    return grown <= 0 || this.#bytes + grown <= this.#maxBytes
  }

  /** Entries that were replaced must not keep their values alive in the queues. */
  #compact(): void {
    const most = 2 * this.#entries.size + SWEEP
    if (this.#ending.size > most) this.#ending.compact()
    if (this.#evictable.size > most) this.#evictable.compact()
  }
}

const sizeOf = (key: string, value: Buffer): number => key.length + value.length + OVERHEAD
