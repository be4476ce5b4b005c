import { join } from 'node:path'
import type { Cancel, Clock } from '../time/clock.js'
import { millis, seconds } from '../time/units.js'
import { checkKeys } from './change.js'
import { FOREVER, openTables, type Tables } from './lmdb-tables.js'
import { checksumOf, fromRecord, fromTotals, type Kept, type Totals, toRecord, toTotals } from './record.js'
import { type Change, type Decide, type Put, type Store, StoreError } from './store.js'
import { StoreFile } from './store-file.js'

export type EmbeddedOptions = {
  /** Directory of the state; the file is `store/<name>.mdb` below it. */
  readonly state: string
  readonly name: string
  readonly clock: Clock
  /** Cap of all entries together. */
  readonly maxBytes?: number
}

const DEFAULT_MAX_BYTES = 1_073_741_824

/** Of LMDB: roll back when the callback throws, commit before returning, leave the flush to the kernel. */
const COMMIT = 1 | 2
const UNFLUSHED = 0x10000

const PAGE = 4_096
/** What an entry takes beside key and value, its place in the index included; roughly. */
const OVERHEAD = 150

/** Ended entries that one step of the sweep forgets at most. */
const SWEEP = 100
const SWEEP_PAUSE = millis(20)
const SWEEP_SOONEST = seconds(1)
const SWEEP_LATEST = seconds(3_600)

const EMPTY = Buffer.alloc(0)

/** Paths that are open in this process: LMDB must not open a file twice (its locks are the process's). */
const inUse = new Set<string>()

/** State on disk, which several processes may share. @throws StoreError what is there cannot be used; it is left as it was */
export async function embeddedStore({
  state,
  name,
  clock,
  maxBytes = DEFAULT_MAX_BYTES,
}: EmbeddedOptions): Promise<Store> {
  const file = new StoreFile(join(state, 'store', `${name}.mdb`))
  if (inUse.has(file.path)) throw new StoreError('broken', `the store ${file.path} is already open in this process`)
  inUse.add(file.path)
  try {
    await file.prepare()
    // A page is copied before it changes and entries leave gaps: the file needs more room than what it keeps.
    const tables = await openTables(file.path, 2 * maxBytes + 16 * 1_048_576)
    if (tables === undefined) throw file.damaged()
    const embedded = new Embedded(file, tables, clock, maxBytes)
    return {
      kind: 'embedded',
      get: async key => embedded.get(key),
      update: async (keys, decide, options) => embedded.update(keys, decide, options?.flushed === true),
      scan: prefix => embedded.scan(prefix),
      close: () => embedded.close().finally(() => inUse.delete(file.path)),
    }
  } catch (error) {
    inUse.delete(file.path)
    throw file.failure(error)
  }
}

/** Transactions run on this thread: 20 µs without a flush, where LMDB's own thread costs five times that. */
class Embedded {
  readonly #file: StoreFile
  readonly #tables: Tables
  readonly #clock: Clock
  readonly #maxBytes: number
  #sweeping: Cancel | undefined
  /** Every commit so far was: after one that was not, a loss of power may damage the whole file. */
  #isFlushed = true
  /** What the sum of checksums has grown by in this transaction. */
  #checksums = 0
  #closed = false

  constructor(file: StoreFile, tables: Tables, clock: Clock, maxBytes: number) {
    this.#file = file
    this.#tables = tables
    this.#clock = clock
    this.#maxBytes = maxBytes
    this.#sweepAt(SWEEP_SOONEST)
  }

  get(key: string): Buffer | undefined {
    return this.#guard(() => this.#current(key)?.value)
  }

  update<T>(keys: readonly string[], decide: Decide<T>, flushed: boolean): T {
    this.#isFlushed &&= flushed
    const made = this.#guard(() =>
      this.#commit(flushed, () => {
        const change = decided(
          keys,
          decide,
          keys.map(key => this.#current(key)?.value),
        )
        this.#apply(keys, change)
        return change
      }),
    )
    if (made.puts?.some(put => Number.isFinite(put.expiresAt))) this.#sweepAt(SWEEP_SOONEST)
    return made.result
  }

  /** Steps of some entries, each of one moment: a reader that stays would keep old pages in the file. */
  async *scan(prefix: string): AsyncGenerator<readonly [string, Buffer]> {
    const end = `${prefix}\u{10ffff}`
    for (let start = prefix, exclusiveStart = false; ; exclusiveStart = true) {
      const step = this.#guard(() => [
        ...this.#tables.entries.getRange({ start, exclusiveStart, end, limit: SWEEP }).map(({ key }) => key),
      ])
      for (const key of step) {
        const value = this.get(key)
        if (value !== undefined) yield [key, value]
      }
      const last = step.at(-1)
      if (last === undefined || step.length < SWEEP) return
      start = last
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#sweeping?.()
    try {
      // One flushed commit takes all before it along.
      this.#guard(() => this.#commit(true, () => this.#count(0)))
    } finally {
      this.#closed = true
      await this.#tables.root.close()
    }
    this.#file.markClosed()
  }

  #guard<T>(act: () => T): T {
    if (this.#closed) throw new StoreError('broken', `the store ${this.#file.path} is closed`)
    try {
      return act()
    } catch (error) {
      throw error instanceof Undecided ? error.cause : this.#file.failure(error)
    }
  }

  #commit<T>(flushed: boolean, act: () => T): T {
    this.#checksums = 0
    return this.#tables.root.transactionSync(act, flushed ? COMMIT : COMMIT | UNFLUSHED)
  }

  #kept(key: string): Kept | undefined {
    const record = this.#tables.entries.get(key)
    if (record === undefined) return undefined
    const kept = fromRecord(key, record)
    if (kept === undefined) throw this.#file.damaged()
    return kept
  }

  #current(key: string): Kept | undefined {
    const kept = this.#kept(key)
    return kept === undefined || kept.expiresAt <= this.#clock.now() ? undefined : kept
  }

  #apply(keys: readonly string[], { puts = [], deletes = [] }: Change<unknown>): void {
    if (puts.length === 0 && deletes.length === 0) return
    let grown = 0
    for (const key of deletes) grown -= this.#forget(key)
    for (const put of puts) grown += this.#write(put)
    const bytes = this.#totals.bytes + grown
    const room = grown > 0 && bytes > this.#maxBytes ? this.#makeRoom(bytes - this.#maxBytes, keys) : 0
    this.#count(grown - room)
  }

  /** @returns the bytes it grew by */
  #write(put: Put): number {
    const { key, value, expiresAt, evictable = false } = put
    const before = this.#kept(key)
    // Most writes change what is kept and not when it ends: its place in the index is half the cost of a new entry.
    const isListed = before?.expiresAt === expiresAt && before.evictable === evictable
    if (before !== undefined && !isListed) this.#unlist(key, before)
    const record = toRecord(put)
    this.#tables.entries.putSync(key, record)
    this.#checksums += checksumOf(record) - (before?.checksum ?? 0)
    if (!isListed) this.#list(key, expiresAt, evictable)
    return sizeOf(key, value) - (before === undefined ? 0 : sizeOf(key, before.value))
  }

  /** @returns the bytes it freed */
  #forget(key: string): number {
    const kept = this.#kept(key)
    if (kept === undefined) return 0
    this.#tables.entries.removeSync(key)
    this.#checksums -= kept.checksum
    this.#unlist(key, kept)
    return sizeOf(key, kept.value)
  }

  #list(key: string, expiresAt: number, evictable: boolean): void {
    if (evictable) this.#tables.comforts.putSync([Math.min(expiresAt, FOREVER), key], EMPTY)
    else if (expiresAt !== Number.POSITIVE_INFINITY) this.#tables.ends.putSync([expiresAt, key], EMPTY)
  }

  #unlist(key: string, { expiresAt, evictable }: Kept): void {
    if (evictable) this.#tables.comforts.removeSync([Math.min(expiresAt, FOREVER), key])
    else if (expiresAt !== Number.POSITIVE_INFINITY) this.#tables.ends.removeSync([expiresAt, key])
  }

  /** Drops what has ended, then comforts, but nothing of `spared`. @returns the bytes freed @throws StoreError 'full' */
  #makeRoom(needed: number, spared: readonly string[]): number {
    let freed = this.#dropEnded(Number.POSITIVE_INFINITY, spared)
    while (freed < needed) {
      const some = [...this.#tables.comforts.getKeys({ limit: SWEEP + spared.length })].filter(
        ([, key]) => !spared.includes(key),
      )
      if (some.length === 0)
        throw new StoreError('full', `the store ${this.#file.path} is full (${this.#maxBytes} bytes)`)
      for (const [, key] of some) if (freed < needed) freed += this.#forget(key)
    }
    return freed
  }

  #dropEnded(most: number, spared: readonly string[] = []): number {
    const end: [number, string] = [this.#clock.now() + 0.5, '']
    let freed = 0
    for (const index of [this.#tables.ends, this.#tables.comforts]) {
      const limit = Number.isFinite(most) ? { limit: most } : {}
      for (const [, key] of [...index.getKeys({ end, ...limit })]) if (!spared.includes(key)) freed += this.#forget(key)
    }
    return freed
  }

  get #totals(): Totals {
    const totals = fromTotals(this.#tables.facts.get('totals'))
    if (totals === undefined) throw this.#file.damaged()
    return totals
  }

  #count(grown: number): void {
    const { bytes, checksums } = this.#totals
    this.#tables.facts.putSync('totals', toTotals({ bytes: bytes + grown, checksums: checksums + this.#checksums }))
  }

  /** Arms the sweep, unless it is armed. It ends with the last entry that ends. */
  #sweepAt(delay: number): void {
    this.#sweeping ??= this.#clock.schedule(millis(delay), () => {
      this.#sweeping = undefined
      const next = this.#sweep()
      if (next !== undefined) this.#sweepAt(next)
    })
  }

  /** @returns when to come again; `undefined` when nothing is left that ends */
  #sweep(): number | undefined {
    try {
      const now = this.#clock.now()
      if ((this.#soonest() ?? FOREVER) <= now) {
        // Its own commit promises no less than those of its callers: a file that has only flushed ones stays whole.
        this.#commit(this.#isFlushed, () => this.#count(-this.#dropEnded(SWEEP)))
      }
      const soonest = this.#soonest()
      if (soonest === undefined) return undefined
      return soonest <= now ? SWEEP_PAUSE : Math.min(Math.max(soonest - now, SWEEP_SOONEST), SWEEP_LATEST)
    } catch {
      // A disk that is full now may not be later; whoever needs the store hears of it.
      return SWEEP_LATEST
    }
  }

  #soonest(): number | undefined {
    const firsts = [this.#tables.ends, this.#tables.comforts].flatMap(index => [...index.getKeys({ limit: 1 })])
    const ends = firsts.map(([end]) => end).filter(end => end !== FOREVER)
    return ends.length === 0 ? undefined : Math.min(...ends)
  }
}

/** Carries a bug of the caller out of the transaction, past what is made of the store's own failures. */
class Undecided extends Error {}

function decided<T>(keys: readonly string[], decide: Decide<T>, current: (Buffer | undefined)[]): Change<T> {
  try {
    const change = decide(current)
    checkKeys(keys, change)
    return change
  } catch (cause) {
    throw new Undecided('undecided', { cause })
  }
}

/** What an entry takes in the file: a large value has pages of its own. */
function sizeOf(key: string, value: Buffer): number {
  const bytes = key.length + value.length + OVERHEAD
  return bytes > PAGE / 2 ? Math.ceil(bytes / PAGE) * PAGE : bytes
}
