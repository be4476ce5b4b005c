import { instanceKey, isGone } from '../store/heartbeat.js'
import type { Store } from '../store/store.js'
import { recordOf } from './change-purchase.js'
import { BOOK, BUSY, isFinal, livesUntil, type PurchaseRecord, type PurchaseState } from './purchase-record.js'

/** A line of the ledger; nothing in it can be cashed. */
export type Entry = Omit<PurchaseRecord, 'owner' | 'instance' | 'was' | 'keyed'>

export type EntryFilter = {
  /** Unix milliseconds: reserved then or later. */
  readonly since?: number | undefined
  readonly wallet?: string | undefined
  readonly route?: string | undefined
}

/**
 * All that fit, not quite in order: what is running comes last. What the dead were at is told as it will be recovered.
 * @param now Unix milliseconds @throws StoreError
 */
export async function* listEntries(store: Store, now: number, filter: EntryFilter): AsyncGenerator<Entry> {
  // Those first: one that ends meanwhile is met again in the book.
  const busy = new Map<string, PurchaseRecord>()
  for await (const record of recordsOf(store, BUSY)) busy.set(record.id, record)
  for await (const record of recordsOf(store, BOOK)) {
    busy.delete(record.id)
    if (fits(record, filter)) yield toEntry(record, record.state)
  }
  for (const record of busy.values()) {
    if (!fits(record, filter)) continue
    const isLost = isGone(await store.get(instanceKey(record.instance)))
    if (record.state === 'signed') yield toEntry(record, isLost || now >= livesUntil(record) ? 'unknown' : 'signed')
    else if (!isLost) yield toEntry(record, record.state)
  }
}

async function* recordsOf(store: Store, prefix: string): AsyncGenerator<PurchaseRecord> {
  for await (const [, value] of store.scan(prefix)) {
    const record = recordOf(value)
    if (record !== undefined) yield record
  }
}

const fits = ({ reservedAt, wallet, route }: PurchaseRecord, filter: EntryFilter): boolean =>
  (filter.since === undefined || reservedAt >= filter.since) &&
  (filter.wallet === undefined || wallet === filter.wallet) &&
  (filter.route === undefined || route === filter.route)

function toEntry(record: PurchaseRecord, state: PurchaseState): Entry {
  const { owner: _owner, instance: _instance, was: _was, keyed: _keyed, ...entry } = record
  return { ...entry, state }
}

/** What entries of one route and wallet come to, in atomic units of one asset. */
export type Total = {
  readonly route: string
  readonly wallet: string
  readonly network: string
  readonly symbol: string
  readonly decimals: number
  readonly payments: number
  /** Everything that was signed and is not proven dead: what the limits count. */
  readonly signed: bigint
  /** Taken, by receipt or chain. */
  readonly settled: bigint
  /** May have been taken: `settled ≤ chain ≤ settled + open`. */
  readonly open: bigint
  /** Of what was taken: paid, and the answer was lost. */
  readonly undelivered: bigint
}

/** Sums by route, wallet and asset, in the order they first come. */
export function totalsOf(entries: Iterable<Entry>): readonly Total[] {
  const totals = new Map<string, Total>()
  for (const entry of entries) {
    const { route, wallet, network, asset, symbol, decimals, state, amount } = entry
    if (state === 'reserved') continue
    const name = JSON.stringify([route, wallet, network, asset])
    const none = { payments: 0, signed: 0n, settled: 0n, open: 0n, undelivered: 0n }
    const sum = totals.get(name) ?? { route, wallet, network, symbol, decimals, ...none }
    const kind = kindOf(entry)
    totals.set(name, {
      ...sum,
      payments: sum.payments + 1,
      signed: sum.signed + (state === 'expired' ? 0n : amount),
      settled: sum.settled + (kind === 'settled' ? amount : 0n),
      open: sum.open + (kind === 'open' ? amount : 0n),
      undelivered: sum.undelivered + (isUndelivered(entry) ? amount : 0n),
    })
  }
  return [...totals.values()]
}

/** An answer without a receipt proves no payment; it counts as spent, and is open until the chain is asked. */
function kindOf({ state }: Entry): 'settled' | 'open' | 'dead' {
  if (state === 'expired') return 'dead'
  return isFinal(state) && state !== 'delivered_unconfirmed' ? 'settled' : 'open'
}

/** Paid for nothing, as far as we know: somebody should ask the seller. */
export const isUndelivered = ({ state }: Entry): boolean => state === 'settled_undelivered' || state === 'settled_late'
