import { Heartbeat, instanceKey, isGone } from '../store/heartbeat.js'
import { type Put, type Store, StoreError } from '../store/store.js'
import type { Clock } from '../time/clock.js'
import { type Gone, recordOf, recoverStep, type Step } from './change-purchase.js'
import { BUSY, livesUntil, type PurchaseRecord } from './purchase-record.js'

/** Between a reservation and its signature; afterwards the room is free again. */
const SIGNING = 120_000

/** Every one of them: what is not flushed may damage a file that the power fails on. */
const FLUSHED = { flushed: true, atOnce: true } as const

/**
 * The purchases that this process is at, and the word to the others that it lives. What ends is written, now or later;
 * what another process was at when it died is taken from it.
 */
export class Custody {
  readonly #store: Store
  readonly #clock: Clock
  readonly #heart: Heartbeat
  readonly #onLost: (error: StoreError) => void
  /** Owner tokens: a purchase may be ours twice, the first time with its end yet to be written. */
  readonly #held = new Set<string>()
  /** By owner: ends that are not written yet. */
  readonly #owed = new Map<string, () => Step<undefined>>()
  readonly #running = new Set<Promise<unknown>>()
  #recovering: Promise<number> | undefined

  constructor(store: Store, clock: Clock, instance: string, onLost: (error: StoreError) => void) {
    this.#store = store
    this.#clock = clock
    this.#onLost = onLost
    this.#heart = new Heartbeat(store, clock, instance, () => this.#endOwed(), FLUSHED)
  }

  get instance(): string {
    return this.#heart.instance
  }

  /** @throws StoreError */
  run<T>({ keys, decide }: Step<T>): Promise<T> {
    const running = this.#store.update(keys, decide, FLUSHED)
    this.#running.add(running)
    const done = () => this.#running.delete(running)
    running.then(done, done)
    return running
  }

  /**
   * Makes a purchase this process's own, under a token. @param act writes it, with the heartbeat that is given @param undo for a write
   * that may have been done although it failed @param isTaken whether `act` came by it @throws what `act` throws
   */
  async take<T>(
    owner: string,
    undo: () => Step<undefined>,
    act: (beat: Put | undefined) => Promise<T>,
    isTaken: (result: T) => boolean,
  ): Promise<T> {
    this.#held.add(owner)
    this.#heart.hold()
    try {
      const beat = this.#heart.due()
      const result = await act(beat)
      if (isTaken(result)) this.#heart.wrote(beat)
      else this.#drop(owner)
      return result
    } catch (error) {
      if (error instanceof StoreError && error.trouble === 'unreachable') this.#owed.set(owner, undo)
      else this.#drop(owner)
      throw error
    }
  }

  /** Writes the end of what is held; later ends of the same are ignored. Never rejects. */
  async end(owner: string, step: () => Step<undefined>): Promise<void> {
    if (!this.#held.has(owner) || this.#owed.has(owner)) return
    this.#owed.set(owner, step)
    await this.#pay(owner, step)
  }

  /** Takes a purchase from an owner who is dead. @param record as it was just seen @returns whether that was so @throws StoreError */
  async recover(record: PurchaseRecord): Promise<boolean> {
    const now = this.#clock.now()
    if (now >= leaseOf(record)) return this.run(recoverStep(record, undefined, now))
    if (record.instance === this.instance) {
      // One in our name that we know nothing of is one that was lost.
      return !this.#held.has(record.owner) && this.run(recoverStep(record, undefined, now))
    }
    const value = await this.#store.get(instanceKey(record.instance))
    if (!isGone(value)) return false
    const gone: Gone = { instance: record.instance, value }
    return this.run(recoverStep(record, gone, now))
  }

  /** Takes from all who are dead; those who ask at once share one search. @returns how many purchases @throws StoreError */
  recoverAll(): Promise<number> {
    this.#recovering ??= this.#recoverAll().finally(() => {
      this.#recovering = undefined
    })
    return this.#recovering
  }

  async close(): Promise<void> {
    this.#heart.stop()
    await Promise.allSettled(this.#running)
    this.#heart.stop()
  }

  async #recoverAll(): Promise<number> {
    let recovered = 0
    for await (const [, value] of this.#store.scan(BUSY)) {
      const record = recordOf(value)
      if (record !== undefined && (await this.recover(record))) recovered++
    }
    return recovered
  }

  #drop(owner: string): void {
    if (this.#held.delete(owner)) this.#heart.drop()
  }

  #endOwed(): void {
    for (const [owner, step] of this.#owed) void this.#pay(owner, step)
  }

  async #pay(owner: string, step: () => Step<undefined>): Promise<void> {
    try {
      await this.run(step())
    } catch (error) {
      const known =
        error instanceof StoreError ? error : new StoreError('broken', 'the ledger failed', { cause: error })
      this.#onLost(known)
      // A store that comes back is told; what cannot be read will not be later either.
      if (known.trouble !== 'broken') return
    }
    this.#owed.delete(owner)
    this.#drop(owner)
  }
}

/** Unix milliseconds: whoever has it, and lives, has lost it by then. */
const leaseOf = (record: PurchaseRecord): number =>
  record.state === 'signed' ? livesUntil(record) : record.reservedAt + SIGNING
