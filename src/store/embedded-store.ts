import { join } from 'node:path'
import type { Cancel, Clock } from '../time/clock.js'
import { millis, seconds } from '../time/units.js'
import { LmdbEntries } from './lmdb-entries.js'
import { openTables } from './lmdb-tables.js'
import { type Change, type Decide, type Store, StoreError, type UpdateOptions } from './store.js'
import { StoreFile } from './store-file.js'
import { type Decided, decideAll, type WaitingUpdate } from './waiting-update.js'

export type EmbeddedOptions = {
  /** Directory of the state; the file is `store/<name>.mdb` below it. */
  readonly state: string
  readonly name: string
  readonly clock: Clock
  /** Cap of all entries together. */
  readonly maxBytes?: number
}

const DEFAULT_MAX_BYTES = 1_073_741_824

/** Updates that one transaction takes at most: other processes wait for its end. */
const GROUP = 128

/** Ended entries that one step of the sweep forgets at most. */
const SWEEP = 100
const SWEEP_PAUSE = millis(20)
const SWEEP_SOONEST = seconds(1)
const SWEEP_LATEST = seconds(3_600)

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
    const embedded = new Embedded(file, new LmdbEntries(file, tables, clock, maxBytes), clock)
    return {
      kind: 'embedded',
      get: async key => embedded.get(key),
      update: (keys, decide, options) => embedded.update(keys, decide, options ?? {}),
      whenWritten: then => embedded.whenWritten(then),
      scan: prefix => embedded.scan(prefix),
      close: () => embedded.close().finally(() => inUse.delete(file.path)),
    }
  } catch (error) {
    inUse.delete(file.path)
    throw file.failure(error)
  }
}

/**
 * Transactions run on this thread, where LMDB's own thread costs five times that, and one takes what has come in one turn
 * of the event loop: most of its cost is the commit, the same for one update as for twenty.
 */
class Embedded {
  readonly #file: StoreFile
  readonly #entries: LmdbEntries
  readonly #clock: Clock
  /** In the order they came. */
  #waiting: WaitingUpdate[] = []
  #sweeping: Cancel | undefined
  /** Every commit so far was: after one that was not, a loss of power may damage the whole file. */
  #isFlushed = true
  #closed = false

  constructor(file: StoreFile, entries: LmdbEntries, clock: Clock) {
    this.#file = file
    this.#entries = entries
    this.#clock = clock
    this.#sweepAt(SWEEP_SOONEST)
  }

  get(key: string): Buffer | undefined {
    const kept = this.#guard(() => this.#entries.kept(key))
    return kept === undefined || this.#entries.hasEnded(kept) ? undefined : kept.value
  }

  update<T>(keys: readonly string[], decide: Decide<T>, options: UpdateOptions): Promise<T> {
    const { flushed = false, atOnce = false } = options
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ keys, decide, flushed, resolve: resolve as (result: unknown) => void, reject })
      if (atOnce) this.#updateAll()
      else if (this.#waiting.length === 1) setImmediate(() => this.#updateSome())
    })
  }

  whenWritten(then: () => void): void {
    if (this.#waiting.length === 0) return then()
    // As one more of them, which changes nothing.
    const tell = () => queueMicrotask(then)
    this.#waiting.push({ keys: [], decide: nothing, flushed: false, resolve: tell, reject: tell })
  }

  /** Steps of some entries, each of one moment: a reader that stays would keep old pages in the file. */
  async *scan(prefix: string): AsyncGenerator<readonly [string, Buffer]> {
    for (let after: string | undefined; ; ) {
      const { keys, isLast } = this.#guard(() => this.#entries.step(prefix, after))
      for (const key of keys) {
        const value = this.get(key)
        if (value !== undefined) yield [key, value]
      }
      if (isLast) return
      after = keys.at(-1)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#sweeping?.()
    this.#updateAll()
    try {
      // One flushed commit takes all before it along.
      this.#guard(() => this.#entries.transact(true, () => this.#entries.touch()))
    } finally {
      this.#closed = true
      await this.#entries.close()
    }
    this.#file.markClosed()
  }

  #updateAll(): void {
    while (this.#waiting.length > 0) this.#updateSome()
  }

  #updateSome(): void {
    const some = this.#waiting
    this.#waiting = some.splice(GROUP)
    if (this.#waiting.length > 0) setImmediate(() => this.#updateSome())
    for (let done = 0; done < some.length; ) done += this.#updateTogether(some.slice(done))
  }

  /**
   * Each is told when all of them are committed. What fails together is tried one by one: the fault is one's own.
   * @returns how many, from the first on, have been told
   */
  #updateTogether(updates: readonly WaitingUpdate[]): number {
    const flushed = updates.some(update => update.flushed)
    this.#isFlushed &&= flushed
    const decided = this.#attempt(updates, flushed)
    if (decided instanceof StoreError) {
      if (updates.length === 1) updates[0]?.reject(decided)
      else for (const update of updates) this.#updateTogether([update])
      return updates.length
    }
    for (const [index, said] of decided.entries()) {
      if ('bug' in said) updates[index]?.reject(said.bug)
      else updates[index]?.resolve(said.change.result)
    }
    if (decided.some(endsSomeTime)) this.#sweepAt(SWEEP_SOONEST)
    return decided.length
  }

  #attempt(updates: readonly WaitingUpdate[], flushed: boolean): readonly Decided[] | StoreError {
    try {
      return this.#guard(() => this.#entries.transact(flushed, () => decideAll(this.#entries, updates)))
    } catch (error) {
      return this.#file.failure(error)
    }
  }

  #guard<T>(act: () => T): T {
    if (this.#closed) throw new StoreError('broken', `the store ${this.#file.path} is closed`)
    try {
      return act()
    } catch (error) {
      throw this.#file.failure(error)
    }
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
    const entries = this.#entries
    try {
      const now = this.#clock.now()
      if ((entries.soonest() ?? Number.POSITIVE_INFINITY) <= now) {
        // Its own commit promises no less than those of its callers: a file that has only flushed ones stays whole.
        entries.transact(this.#isFlushed, () => entries.dropEnded(SWEEP))
      }
      const soonest = entries.soonest()
      if (soonest === undefined) return undefined
      return soonest <= now ? SWEEP_PAUSE : Math.min(Math.max(soonest - now, SWEEP_SOONEST), SWEEP_LATEST)
    } catch {
      // A disk that is full now may not be later; whoever needs the store hears of it.
      return SWEEP_LATEST
    }
  }
}

const nothing = (): Change<undefined> => ({ result: undefined })

const endsSomeTime = (said: Decided): boolean =>
  'change' in said && (said.change.puts?.some(put => Number.isFinite(put.expiresAt)) ?? false)
