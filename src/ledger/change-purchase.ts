import { instanceKey } from '../store/heartbeat.js'
import { type Change, type Put, StoreError } from '../store/store.js'
import { type AssetKey, assetKey, type WalletLimits } from '../x402/policy.js'
import type { Outcome, OutcomeFacts, Purchase, PurchaseAsk, RefusedReservation, Signed } from './purchase.js'
import {
  bookKey,
  busyKey,
  decodePurchase,
  encodePurchase,
  fieldKey,
  isFinal,
  liveKey,
  type PurchaseRecord,
  pinKey,
  presentableUntil,
  priceKey,
  spendKey,
} from './purchase-record.js'
import { decodeSpend, encodeSpend, type Overrun, overrun, reserveIn, type Spend, signIn, unreserveIn } from './spend.js'

/** Each step of a purchase as one change of the store: what it reads, and what follows. Pure. */
export type Step<T> = {
  readonly keys: readonly string[]
  readonly decide: (current: readonly (Buffer | undefined)[]) => Change<T>
}

const FOR_EVER = Number.POSITIVE_INFINITY
/** What is final is kept for ten years, and dropped before, the oldest first, when the store is full. */
const KEPT_FOR = 3_653 * 86_400_000
/** A price of long ago says nothing. */
const PRICE_KEPT_FOR = 30 * 86_400_000

export type Reserved =
  | { readonly kind: 'reserved' }
  | ({ readonly kind: 'refused'; readonly byPending: boolean } & RefusedReservation)
  /** Another purchase has the key. */
  | { readonly kind: 'meets'; readonly id: string }

/**
 * Room in every window, or nothing (P3); an origin's first recipient is written down with it (P2).
 * @param over a purchase of the same key that may be forgotten
 */
export function reserveStep(
  ask: PurchaseAsk,
  record: PurchaseRecord,
  over: string,
  beat: Put | undefined,
): Step<Reserved> {
  const { id, wallet, purchaseKey, reservedAt: now } = record
  const pin = ask.pin === undefined ? undefined : pinKey(ask.pin, assetKey(ask.asset))
  const keys = [spendKey(wallet), liveKey(purchaseKey), busyKey(id)]
  if (pin !== undefined) keys.push(pin)
  return withBeat(keys, beat, ([spent, live, , pinned]) => {
    const met = live?.toString() ?? ''
    if (met !== '' && met !== over) return { result: { kind: 'meets', id: met } }
    const known = pin === undefined ? undefined : pinned?.toString()
    if (known !== undefined && known !== ask.payTo) {
      const detail = `${ask.payTo} instead of ${known}`
      return { result: { kind: 'refused', refused: 'pin', detail, byPending: false } }
    }
    const spend = spendOf(spent)
    const overrunNow = overrun(spend, record, ask.limits, now)
    if (overrunNow !== undefined) return { result: refusal(overrunNow, record, spend) }
    const puts = [
      put(spendKey(wallet), encodeSpend(reserveIn(spend, record))),
      put(liveKey(purchaseKey), Buffer.from(id)),
      put(busyKey(id), encodePurchase(record)),
    ]
    if (pin !== undefined && known === undefined) puts.push(put(pin, Buffer.from(ask.payTo)))
    return { result: { kind: 'reserved' }, puts }
  })
}

function refusal({ window, limit, spent }: Overrun, { symbol, amount }: PurchaseRecord, spend: Spend): Reserved {
  const units = window === 'per_minute' ? 'payments' : `units of ${symbol}`
  const more = window === 'per_minute' ? 1n : amount
  const detail = `${spent} and ${more} ${units}, limit ${limit}`
  return { kind: 'refused', refused: window, detail, byPending: (spend.get('pending') ?? 0n) > 0n }
}

/** It is signed, and durable before it is sent (P4). @returns why it must not be sent */
export function signStep(
  { id, owner, record: { wallet }, limits }: Purchase,
  signed: Signed,
  now: number,
): Step<string | undefined> {
  const { field, nonce, payer, validBefore, identifier = '' } = signed
  const keys = [busyKey(id), spendKey(wallet), fieldKey(id)]
  const decide: Step<string | undefined>['decide'] = ([busy, spent]) => {
    const record = recordOf(busy)
    if (record?.owner !== owner || record.state !== 'reserved')
      return { result: 'the reservation is not ours any more' }
    if (now >= presentableUntil(signed)) return { result: 'the authorization ends too soon' }
    const spend = signIn(spendOf(spent), record, now)
    if (isOver(spend, record, limits, now)) return { result: 'the limit of another window is reached' }
    const next: PurchaseRecord = { ...record, state: 'signed', signedAt: now, nonce, payer, validBefore, identifier }
    const value = Buffer.from(JSON.stringify([field.name, field.value]))
    const puts = [
      put(busyKey(id), encodePurchase(next)),
      put(spendKey(wallet), encodeSpend(spend)),
      // Redacted by itself once it cannot be presented.
      { key: fieldKey(id), value, expiresAt: presentableUntil(signed) },
    ]
    return { result: undefined, puts }
  }
  return { keys, decide }
}

/** Whether the windows of now, with what is reserved, are beyond their limits already. */
function isOver(spend: Spend, { symbol }: PurchaseRecord, limits: WalletLimits, now: number): boolean {
  // A count is checked for one more payment: here none is to come.
  const { per_minute, ...rest } = limits
  const counted = { ...rest, per_minute: per_minute === undefined ? undefined : per_minute + 1 }
  return overrun(spend, { symbol, amount: 0n }, counted, now) !== undefined
}

/** Nothing of it left this process: room is given back, or it is again what it was. @param owner whose it must be */
export function releaseStep({ id, wallet, purchaseKey }: PurchaseRecord, owner: string, now: number): Step<undefined> {
  const keys = [busyKey(id), bookKey(id), liveKey(purchaseKey), spendKey(wallet)]
  const decide: Step<undefined>['decide'] = ([busy, , live, spent]) => {
    const current = recordOf(busy)
    if (current === undefined || current.owner !== owner) return NOTHING
    if (current.state === 'signed') return opened(current, current.was === '' ? 'unknown' : current.was, now)
    return unreserved(current, live, spent)
  }
  return { keys, decide }
}

/** The process behind a heartbeat that still has this value is dead. */
export type Gone = { readonly instance: string; readonly value: Buffer | undefined }

/**
 * Its owner is dead: what was not signed is released, what was may have been presented. @param record as it was seen
 * @param gone `undefined`: its time is over, whoever lives @returns whether it was so
 */
export function recoverStep(record: PurchaseRecord, gone: Gone | undefined, now: number): Step<boolean> {
  const { id, owner, state, wallet, purchaseKey } = record
  const keys = [busyKey(id), bookKey(id), liveKey(purchaseKey), spendKey(wallet)]
  if (gone !== undefined) keys.push(instanceKey(gone.instance))
  const decide: Step<boolean>['decide'] = ([busy, , live, spent, heartbeat]) => {
    const current = recordOf(busy)
    if (current?.owner !== owner || current.state !== state) return { result: false }
    if (gone !== undefined && !same(gone.value, heartbeat)) return { result: false }
    const change = current.state === 'signed' ? opened(current, 'unknown', now) : unreserved(current, live, spent)
    return { ...change, result: true }
  }
  return { keys, decide }
}

const same = (a: Buffer | undefined, b: Buffer | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.equals(b)

function unreserved(record: PurchaseRecord, live: Buffer | undefined, spent: Buffer | undefined): Change<undefined> {
  const { id, wallet, purchaseKey } = record
  const deletes = [busyKey(id)]
  if (live?.toString() === id) deletes.push(liveKey(purchaseKey))
  return { result: undefined, puts: [put(spendKey(wallet), encodeSpend(unreserveIn(spendOf(spent), record)))], deletes }
}

/** What its presentation came to (P7). A final word is taken of everyone who presented it, any other only of its owner. */
export function settleStep(
  { id, owner, record }: Purchase,
  to: Outcome,
  { transaction = '', status = 0, attempts }: OutcomeFacts,
  now: number,
): Step<undefined> {
  const { purchaseKey, resource } = record
  const price = priceKey(resource, assetOf(record))
  const keys = [busyKey(id), bookKey(id), liveKey(purchaseKey), fieldKey(id), price]
  const decide: Step<undefined>['decide'] = ([busy, book, live]) => {
    const current = recordOf(busy ?? book)
    if (current === undefined || current.state === 'reserved' || isFinal(current.state)) return NOTHING
    const told = {
      ...current,
      transaction: transaction || current.transaction,
      status,
      attempts: current.attempts + attempts,
    }
    if (isFinal(to)) {
      const change = closed(told, to, live, now)
      const paid = put(price, Buffer.from(String(current.amount)), now + PRICE_KEPT_FOR, true)
      const isPrice = to === 'settled' || to === 'delivered_unconfirmed'
      return isPrice ? { ...change, puts: [...(change.puts ?? []), paid] } : change
    }
    if (current.owner !== owner) return NOTHING
    // Once it was unknown, no server's word makes it less so.
    return opened(told, current.was === 'unknown' ? 'unknown' : to, now)
  }
  return { keys, decide }
}

/** Nobody is at it any more, and its outcome is open. */
function opened(record: PurchaseRecord, state: 'unknown' | 'refused_live', now: number): Change<undefined> {
  const next: PurchaseRecord = { ...record, state, owner: '', instance: '', was: '', endedAt: now }
  return { result: undefined, puts: [put(bookKey(record.id), encodePurchase(next))], deletes: [busyKey(record.id)] }
}

/** The end of a purchase: its bytes are redacted, and its key is free. @param live the value of its live key */
export function closed(
  record: PurchaseRecord,
  state: PurchaseRecord['state'],
  live: Buffer | undefined,
  now: number,
): Change<undefined> {
  const { id, purchaseKey } = record
  const next: PurchaseRecord = { ...record, state, owner: '', instance: '', was: '', endedAt: now }
  const deletes = [busyKey(id), fieldKey(id)]
  if (live?.toString() === id) deletes.push(liveKey(purchaseKey))
  return { result: undefined, puts: [put(bookKey(id), encodePurchase(next), now + KEPT_FOR, true)], deletes }
}

export type Claimed = { readonly record: PurchaseRecord; readonly field: Buffer }

/** Takes an open purchase, for one owner at a time (P5). */
export function claimStep(
  id: string,
  { owner, instance, now }: { readonly owner: string; readonly instance: string; readonly now: number },
  beat: Put | undefined,
): Step<Claimed | undefined> {
  return withBeat([busyKey(id), bookKey(id), fieldKey(id)], beat, ([busy, book, field]) => {
    const record = busy === undefined ? recordOf(book) : undefined
    if (record === undefined || field === undefined || now >= presentableUntil(record)) return { result: undefined }
    if (record.state !== 'unknown' && record.state !== 'refused_live') return { result: undefined }
    const next: PurchaseRecord = { ...record, state: 'signed', owner, instance, was: record.state }
    const puts = [put(busyKey(id), encodePurchase(next))]
    return { result: { record: next, field }, puts, deletes: [bookKey(id)] }
  })
}

/** @throws StoreError for what this version cannot read: it may be money */
export function recordOf(value: Buffer | undefined): PurchaseRecord | undefined {
  const record = value === undefined ? undefined : decodePurchase(value)
  if (value !== undefined && record === undefined) throw unreadable('purchase')
  return record
}

/** @throws StoreError */
export function spendOf(value: Buffer | undefined): Spend {
  const spend = decodeSpend(value)
  if (spend === undefined) throw unreadable('sum of a wallet')
  return spend
}

const unreadable = (what: string): StoreError =>
  new StoreError('broken', `the ledger has a ${what} that this version cannot read`)

const assetOf = ({ network, asset }: PurchaseRecord): AssetKey => `${network}/${asset}` as AssetKey

const NOTHING: Change<undefined> = { result: undefined }

export const put = (key: string, value: Buffer, expiresAt = FOR_EVER, evictable = false): Put => ({
  key,
  value,
  expiresAt,
  evictable,
})

/** A heartbeat that is due goes along with whatever is written. */
function withBeat<T>(keys: readonly string[], beat: Put | undefined, decide: Step<T>['decide']): Step<T> {
  if (beat === undefined) return { keys, decide }
  return {
    keys: [...keys, beat.key],
    decide: current => {
      const change = decide(current)
      return change.puts === undefined ? change : { ...change, puts: [...change.puts, beat] }
    },
  }
}
