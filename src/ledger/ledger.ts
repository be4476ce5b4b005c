import { randomBytes } from 'node:crypto'
import type { Store, StoreError } from '../store/store.js'
import { type Clock, timeLeft } from '../time/clock.js'
import { millis } from '../time/units.js'
import { type Asset, type AssetKey, assetKey } from '../x402/policy.js'
import {
  type Claimed,
  claimStep,
  put,
  type Reserved,
  recordOf,
  releaseStep,
  reserveStep,
  settleStep,
  signStep,
} from './change-purchase.js'
import { Custody } from './custody.js'
import { type Entry, type EntryFilter, listEntries } from './entry.js'
import {
  type Outcome,
  type OutcomeFacts,
  type Purchase,
  type PurchaseAsk,
  type RefusedReservation,
  ReservationLost,
  type Signed,
} from './purchase.js'
import {
  bookKey,
  busyKey,
  heldKey,
  isFinal,
  liveKey,
  livesUntil,
  newPurchase,
  type PurchaseRecord,
  pinKey,
  presentableUntil,
  priceKey,
} from './purchase-record.js'

/** An idempotency key means one purchase for so long. */
const KEY_KEPT_FOR = 86_400_000
/** Each further look learned something; a store that says something else every time is not believed for ever. */
const LOOKS = 4
/** Between looks at a purchase that runs, in milliseconds: twice as long each time. */
const SHORTEST_PAUSE = 10
const LONGEST_PAUSE = 500

/** What `choose` is told of the past. */
export type KnownTerms = {
  readonly pinned: ReadonlyMap<AssetKey, string>
  readonly lastPaid: ReadonlyMap<AssetKey, bigint>
}

/** @property isLate its purchase is too old to be presented, and may still be cashed */
type Met = { readonly key: string; readonly isLate: boolean }

/**
 * Who paid what, and who may (P3 to P8): room in every window is taken before a signature exists, a signature is durable
 * before it is sent, and one owner at a time presents it, of all processes that share the store.
 */
export class Ledger {
  readonly #store: Store
  readonly #clock: Clock
  readonly #custody: Custody
  readonly #onLost: (error: StoreError) => void

  /**
   * @param instance the name of this process among those that share the store, never used before
   * @param onLost told when something could not be written; ends are tried again until they are
   */
  constructor(store: Store, clock: Clock, instance: string, onLost: (error: StoreError) => void = () => undefined) {
    this.#store = store
    this.#clock = clock
    this.#onLost = onLost
    this.#custody = new Custody(store, clock, instance, onLost)
  }

  /** The first recipients of an origin, and what a resource cost last. @throws StoreError */
  async known(origin: string, resource: string, assets: readonly Asset[]): Promise<KnownTerms> {
    const keys = assets.map(assetKey)
    const read = (name: (key: AssetKey) => string) => Promise.all(keys.map(key => this.#store.get(name(key))))
    const [pins, prices] = await Promise.all([read(key => pinKey(origin, key)), read(key => priceKey(resource, key))])
    return {
      pinned: new Map(keys.flatMap((key, i) => (pins[i] === undefined ? [] : [[key, pins[i].toString()] as const]))),
      lastPaid: new Map(
        keys.flatMap((key, i) => (prices[i] === undefined ? [] : [[key, BigInt(prices[i].toString())] as const])),
      ),
    }
  }

  /**
   * Room for one payment in every window of its wallet, kept for as long as signing takes (P3). When this rejects, nothing
   * may be signed. @throws StoreError
   */
  async reserve(ask: PurchaseAsk): Promise<{ readonly purchase: Purchase } | RefusedReservation> {
    const record = newPurchase(ask, {
      owner: randomBytes(8).toString('hex'),
      suffix: randomBytes(6).toString('hex'),
      instance: this.#custody.instance,
      now: this.#clock.now(),
    })
    const { id, owner } = record
    const refused = await this.#custody.take(
      owner,
      () => releaseStep(record, owner, this.#clock.now()),
      beat => this.#reserve(record, over => reserveStep(ask, record, over, beat)),
      result => result === undefined,
    )
    return refused ?? { purchase: { id, owner, record, limits: ask.limits, payment: undefined } }
  }

  /**
   * What is signed is durable, before it is sent: after a crash the same bytes are presented again (P4). When this rejects
   * it must not be sent, and the purchase be released. @throws ReservationLost, StoreError
   */
  async signed(purchase: Purchase, signed: Signed): Promise<void> {
    const lost = await this.#custody.run(signStep(purchase, signed, this.#clock.now()))
    if (lost !== undefined) throw new ReservationLost(lost)
  }

  /**
   * Nothing of this presentation left the process: room is given back for what was not signed; what was stays, for the
   * next one who asks. Never rejects: what cannot be written now is written later.
   */
  release({ owner, record }: Purchase): Promise<void> {
    return this.#custody.end(owner, () => releaseStep(record, owner, this.#clock.now()))
  }

  /** What its presentation came to (P7). Never rejects, as above. */
  settle(purchase: Purchase, to: Outcome, facts: OutcomeFacts): Promise<void> {
    const now = this.#clock.now()
    return this.#custody.end(purchase.owner, () => settleStep(purchase, to, facts, now))
  }

  /** Those of these keys for which an answer is kept, or whose purchase is not over. @throws StoreError */
  async meet(purchaseKeys: readonly string[]): Promise<readonly Met[]> {
    const met = await Promise.all(purchaseKeys.map(key => this.#meet(key)))
    return met.filter(one => one !== undefined)
  }

  async #meet(key: string): Promise<Met | undefined> {
    const [held, live] = await Promise.all([this.#store.get(heldKey(key)), this.#store.get(liveKey(key))])
    if (held === undefined && live === undefined) return undefined
    const record = live && recordOf(await this.#store.get(bookKey(live.toString())))
    const now = this.#clock.now()
    const isOpen = record !== undefined && !isFinal(record.state)
    return { key, isLate: isOpen && now >= presentableUntil(record) && now < livesUntil(record) }
  }

  /**
   * The purchase of this key whose outcome is open and whose bytes can be presented; the caller's alone, until it is
   * settled or released (P5). One read of the store when there is none. @throws StoreError
   */
  async claimUnknown(purchaseKey: string): Promise<Purchase | undefined> {
    const id = (await this.#store.get(liveKey(purchaseKey)))?.toString()
    if (id === undefined) return undefined
    const { record, isBusy } = await this.#look(id)
    if (record === undefined || (isBusy && !(await this.#custody.recover(record)))) return undefined
    const owner = randomBytes(8).toString('hex')
    const who = { owner, instance: this.#custody.instance, now: this.#clock.now() }
    const claimed = await this.#custody.take(
      owner,
      () => releaseStep(record, owner, this.#clock.now()),
      beat => this.#custody.run(claimStep(id, who, beat)),
      result => result !== undefined,
    )
    return claimed && presentable(claimed)
  }

  /**
   * Waits while somebody is at the purchase of this key: two that want the same at once pay one after the other.
   * @param until monotonic @returns whether it is free now @throws StoreError
   */
  async whenFree(purchaseKey: string, until: number, signal?: AbortSignal): Promise<boolean> {
    for (let pause = SHORTEST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const id = (await this.#store.get(liveKey(purchaseKey)))?.toString()
      const busy = id === undefined ? undefined : recordOf(await this.#store.get(busyKey(id)))
      if (busy === undefined || (await this.#custody.recover(busy))) return true
      const left = timeLeft(this.#clock, until)
      if (left <= 0 || signal?.aborted) return false
      await new Promise<void>(resolve => this.#clock.schedule(millis(Math.min(pause, left)), resolve))
    }
  }

  /** Keeps the answer of a client that left, for its retry (P8). Never rejects. @param until Unix milliseconds */
  async hold(purchaseKey: string, answer: Buffer, until: number): Promise<void> {
    const key = heldKey(purchaseKey)
    const decide = () => ({ result: undefined, puts: [put(key, answer, until, true)] })
    await this.#custody.run({ keys: [key], decide }).catch(this.#onLost)
  }

  /** The answer that was kept for this purchase; whoever gets it is the only one. @throws StoreError */
  async takeHeld(purchaseKey: string): Promise<Buffer | undefined> {
    const key = heldKey(purchaseKey)
    if ((await this.#store.get(key)) === undefined) return undefined
    return this.#custody.run({
      keys: [key],
      decide: ([answer]) =>
        answer === undefined ? { result: undefined } : { result: Buffer.from(answer), deletes: [key] },
    })
  }

  /** What those who died were at is settled as far as can be told. @throws StoreError */
  recover(): Promise<number> {
    return this.#custody.recoverAll()
  }

  /** All purchases, of all processes. @throws StoreError */
  list(filter: EntryFilter = {}): AsyncIterable<Entry> {
    return listEntries(this.#store, this.#clock.now(), filter)
  }

  /** What is open stays, and is recovered by others; the store may be closed then. */
  close(): Promise<void> {
    return this.#custody.close()
  }

  async #reserve(
    { keyed }: PurchaseRecord,
    step: (over: string) => ReturnType<typeof reserveStep>,
  ): Promise<RefusedReservation | undefined> {
    let over = ''
    let isRecovered = false
    for (let left = LOOKS; ; left--) {
      const seen: Reserved = await this.#custody.run(step(over))
      if (seen.kind === 'reserved') return undefined
      if (seen.kind === 'refused') {
        const { refused, detail } = seen
        // Some of what stands in the way may be of the dead.
        if (!seen.byPending || isRecovered || (await this.recover()) === 0) return { refused, detail }
        isRecovered = true
        continue
      }
      const barred = await this.#barred(seen.id, keyed)
      if (barred !== undefined || left === 0) return barred ?? { refused: 'in_flight', detail: seen.id }
      over = seen.id
    }
  }

  /** Whether the purchase that has this key keeps it: a second signature, while the first may live, never is. */
  async #barred(id: string, keyed: boolean): Promise<RefusedReservation | undefined> {
    const { record, isBusy } = await this.#look(id)
    if (record === undefined || isFinal(record.state)) return undefined
    if (isBusy && !(await this.#custody.recover(record))) return { refused: 'in_flight', detail: `${id} is running` }
    // A recovered reservation is gone, and with it the key.
    if (record.state === 'reserved') return undefined
    // Not the time at which it was asked for: the clock may have been set back since, and the other be signed after that.
    const now = this.#clock.now()
    const until = livesUntil(record)
    if (now < until) return { refused: 'in_flight', detail: `${id} may still be taken` }
    if (!keyed || now >= until + KEY_KEPT_FOR) return undefined
    return { refused: 'unresolved', detail: `${id} may have been taken: mulligan ledger reconcile can tell` }
  }

  /** @throws StoreError */
  #look(id: string): Promise<{ readonly record: PurchaseRecord | undefined; readonly isBusy: boolean }> {
    const decide = ([busy, book]: readonly (Buffer | undefined)[]) => ({
      result: { record: recordOf(busy ?? book), isBusy: busy !== undefined },
    })
    return this.#custody.run({ keys: [busyKey(id), bookKey(id)], decide })
  }
}

/** The bytes as they were first sent, and what they are. */
function presentable({ record, field }: Claimed): Purchase {
  const { id, owner, nonce, payer, validBefore, identifier } = record
  const [name, value] = JSON.parse(field.toString()) as [Signed['field']['name'], string]
  const payment = { field: { name, value }, nonce, payer, validBefore, identifier: identifier || undefined }
  return { id, owner, record, limits: NO_LIMITS, payment }
}

/** It is signed, and so counted. */
const NO_LIMITS = { per_request: {}, per_hour: {}, per_day: {}, total: {}, per_minute: undefined }
