import type { Clock } from '../time/clock.js'
import { FOREVER, type Tables } from './lmdb-tables.js'
import { checksumOf, fromRecord, fromTotals, type Kept, type Totals, toRecord, toTotals } from './record.js'
import { type Put, StoreError } from './store.js'
import type { StoreFile } from './store-file.js'

/** Of LMDB: roll back when the callback throws, commit before returning, leave the flush to the kernel. */
const COMMIT = 1 | 2
const UNFLUSHED = 0x10000

const PAGE = 4_096
/** What an entry takes beside key and value, its place in the index included; roughly. */
const OVERHEAD = 150

/** Entries that one step looks at. */
const STEP = 100

const EMPTY = Buffer.alloc(0)

type Spared = { readonly size: number; readonly has: (key: string) => boolean }

/** The entries of one file, the order in which they end, and what they take together. */
export class LmdbEntries {
  readonly #file: StoreFile
  readonly #tables: Tables
  readonly #clock: Clock
  readonly #maxBytes: number
  /** As they will be after this transaction; `undefined` while it changed nothing. */
  #totals: Totals | undefined

  constructor(file: StoreFile, tables: Tables, clock: Clock, maxBytes: number) {
    this.#file = file
    this.#tables = tables
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  /** All that `act` changes, or nothing, where it throws. */
  transact<T>(flushed: boolean, act: () => T): T {
    this.#totals = undefined
    return this.#tables.root.transactionSync(
      () => {
        const result = act()
        if (this.#totals !== undefined) this.#tables.facts.putSync('totals', toTotals(this.#totals))
        return result
      },
      flushed ? COMMIT : COMMIT | UNFLUSHED,
    )
  }

  /** What is written under a key, ended or not. @throws StoreError 'broken' */
  kept(key: string): Kept | undefined {
    const record = this.#tables.entries.get(key)
    if (record === undefined) return undefined
    const kept = fromRecord(key, record)
    if (kept === undefined) throw this.#file.damaged()
    return kept
  }

  hasEnded({ expiresAt }: { readonly expiresAt: number }): boolean {
    return expiresAt <= this.#clock.now()
  }

  /** Keys that begin with `prefix`, in their order. @param after the last one of the step before */
  step(prefix: string, after: string | undefined): { readonly keys: readonly string[]; readonly isLast: boolean } {
    const range = {
      start: after ?? prefix,
      exclusiveStart: after !== undefined,
      end: `${prefix}\u{10ffff}`,
      limit: STEP,
    }
    const keys = [...this.#tables.entries.getRange(range).map(({ key }) => key)]
    return { keys, isLast: keys.length < STEP }
  }

  /** @param before what is kept under its key @returns the bytes it grew by */
  write(put: Put, before: Kept | undefined): number {
    const { key, value, expiresAt, evictable = false } = put
    // Most writes change what is kept and not when it ends: its place in the index is half the cost of a new entry.
    const isListed = before?.expiresAt === expiresAt && before.evictable === evictable
    if (before !== undefined && !isListed) this.#unlist(key, before)
    const record = toRecord(put)
    this.#tables.entries.putSync(key, record)
    if (!isListed) this.#list(key, expiresAt, evictable)
    const bytes = sizeOf(key, value) - (before === undefined ? 0 : sizeOf(key, before.value))
    this.#count(bytes, checksumOf(record) - (before?.checksum ?? 0))
    return bytes
  }

  /** @param before what is kept under it @returns the bytes it grew by: less than none */
  forget(key: string, before: Kept): number {
    const bytes = -sizeOf(key, before.value)
    this.#tables.entries.removeSync(key)
    this.#unlist(key, before)
    this.#count(bytes, -before.checksum)
    return bytes
  }

  /** Writes what is written anyway: a commit that changes nothing would not be flushed. */
  touch(): void {
    this.#count(0, 0)
  }

  /**
   * Back within the cap by dropping what has ended, then comforts, but nothing of `spared`; for a transaction that let it
   * grow. @throws StoreError 'full'
   */
  makeRoom(spared: Spared): void {
    for (let found = true; found && this.#bytes > this.#maxBytes; ) found = this.dropEnded(STEP, spared)
    while (this.#bytes > this.#maxBytes) {
      const limit = STEP + spared.size
      const some = [...this.#tables.comforts.getKeys({ limit })].filter(([, key]) => !spared.has(key))
      if (some.length === 0)
        throw new StoreError('full', `the store ${this.#file.path} is full (${this.#maxBytes} bytes)`)
      for (const [, key] of some) if (this.#bytes > this.#maxBytes) this.#drop(key)
    }
  }

  /** @param most of each kind that are dropped, and some more @returns whether there was one */
  dropEnded(most: number, spared: Spared = new Set()): boolean {
    const end: [number, string] = [this.#clock.now() + 0.5, '']
    let found = false
    for (const index of [this.#tables.ends, this.#tables.comforts]) {
      for (const [, key] of [...index.getKeys({ end, limit: most + spared.size })]) {
        if (spared.has(key)) continue
        this.#drop(key)
        found = true
      }
    }
    return found
  }

  /** Unix milliseconds when the next one ends; `undefined` when none will. */
  soonest(): number | undefined {
    const firsts = [this.#tables.ends, this.#tables.comforts].flatMap(index => [...index.getKeys({ limit: 1 })])
    const ends = firsts.map(([end]) => end).filter(end => end !== FOREVER)
    return ends.length === 0 ? undefined : Math.min(...ends)
  }

  close(): Promise<void> {
    return this.#tables.root.close()
  }

  get #bytes(): number {
    return this.#totals?.bytes ?? this.#keptTotals().bytes
  }

  #keptTotals(): Totals {
    const totals = fromTotals(this.#tables.facts.get('totals'))
    if (totals === undefined) throw this.#file.damaged()
    return totals
  }

  #count(bytes: number, checksums: number): void {
    const totals = this.#totals ?? this.#keptTotals()
    this.#totals = { bytes: totals.bytes + bytes, checksums: totals.checksums + checksums }
  }

  #drop(key: string): void {
    const kept = this.kept(key)
    if (kept !== undefined) this.forget(key, kept)
  }

  #list(key: string, expiresAt: number, evictable: boolean): void {
    if (evictable) this.#tables.comforts.putSync([Math.min(expiresAt, FOREVER), key], EMPTY)
    else if (expiresAt !== Number.POSITIVE_INFINITY) this.#tables.ends.putSync([expiresAt, key], EMPTY)
  }

  #unlist(key: string, { expiresAt, evictable }: Kept): void {
    if (evictable) this.#tables.comforts.removeSync([Math.min(expiresAt, FOREVER), key])
    else if (expiresAt !== Number.POSITIVE_INFINITY) this.#tables.ends.removeSync([expiresAt, key])
  }
}

/** What an entry takes in the file: a large value has pages of its own. */
function sizeOf(key: string, value: Buffer): number {
  const bytes = key.length + value.length + OVERHEAD
  return bytes > PAGE / 2 ? Math.ceil(bytes / PAGE) * PAGE : bytes
}
