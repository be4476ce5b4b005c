import { createHash } from 'node:crypto'
import { parseObject } from '../json/read.js'
import type { AssetKey } from '../x402/policy.js'
import type { PurchaseAsk } from './purchase.js'

/**
 * reserved: room is kept, nothing is signed · signed: somebody presents it · unknown: it may have been taken ·
 * refused_live: turned down by the server's word, which proves nothing while the signature lives. The rest is final:
 * settled: there is a receipt · delivered_unconfirmed: an answer without one · settled_undelivered: paid, and the answer
 * was lost · settled_late: found on the chain afterwards · expired: proven dead on the chain (P7).
 */
export type PurchaseState = 'reserved' | 'signed' | OpenState | FinalState
export type OpenState = 'unknown' | 'refused_live'
export type FinalState = (typeof FINAL)[number]

const FINAL = ['settled', 'delivered_unconfirmed', 'settled_undelivered', 'settled_late', 'expired'] as const
const STATES: readonly string[] = ['reserved', 'signed', 'unknown', 'refused_live', ...FINAL]

export const isFinal = (state: PurchaseState): state is FinalState => (FINAL as readonly string[]).includes(state)

/** A purchase as it is kept: every decision about money (P10), and nothing that could be cashed. */
export type PurchaseRecord = {
  /** Sorts by the time of the reservation. */
  readonly id: string
  readonly state: PurchaseState
  /** Random, of whoever reserved or took it over: only who knows it may go on with it. Empty: nobody is at it. */
  readonly owner: string
  /** The owner's process, by the name of its heartbeat. */
  readonly instance: string
  /** What it was when its owner took it over; empty for who reserved it. */
  readonly was: OpenState | ''
  readonly purchaseKey: string
  /** The client named the purchase by an idempotency key: for it alone a second one is never meant. */
  readonly keyed: boolean
  readonly route: string
  readonly wallet: string
  readonly client: string
  /** Origin and path. */
  readonly resource: string
  /** CAIP-2. */
  readonly network: string
  /** Contract, in lower case. */
  readonly asset: string
  readonly symbol: string
  readonly decimals: number
  /** Atomic units. */
  readonly amount: bigint
  readonly payTo: string
  /** Unix milliseconds, as all times here but `validBefore`; 0 for what has not happened. */
  readonly reservedAt: number
  readonly signedAt: number
  readonly endedAt: number
  /** Empty until it is signed, as the three below. */
  readonly nonce: string
  readonly payer: string
  readonly identifier: string
  /** Unix seconds. */
  readonly validBefore: number
  /** Hash; empty where no receipt or chain has told it. */
  readonly transaction: string
  /** Of the last answer; 0 without one. */
  readonly status: number
  /** Presentations so far. */
  readonly attempts: number
  /** The chain has been asked, and says so too. */
  readonly proven: boolean
}

const SAMPLE: Readonly<Record<keyof PurchaseRecord, 'string' | 'number' | 'boolean'>> = {
  id: 'string',
  state: 'string',
  owner: 'string',
  instance: 'string',
  was: 'string',
  purchaseKey: 'string',
  keyed: 'boolean',
  route: 'string',
  wallet: 'string',
  client: 'string',
  resource: 'string',
  network: 'string',
  asset: 'string',
  symbol: 'string',
  decimals: 'number',
  amount: 'string',
  payTo: 'string',
  reservedAt: 'number',
  signedAt: 'number',
  endedAt: 'number',
  nonce: 'string',
  payer: 'string',
  identifier: 'string',
  validBefore: 'number',
  transaction: 'string',
  status: 'number',
  attempts: 'number',
  proven: 'boolean',
}

/** The first byte of every record; a later layout gets another one. */
const VERSION = 1

export function encodePurchase(record: PurchaseRecord): Buffer {
  return Buffer.from(String.fromCharCode(VERSION) + JSON.stringify({ ...record, amount: String(record.amount) }))
}

/** `undefined` when it is none of ours, or of a later version. */
export function decodePurchase(value: Buffer): PurchaseRecord | undefined {
  const entry = value[0] === VERSION ? parseObject(value.toString('utf8', 1)) : undefined
  if (entry === undefined) return undefined
  const isOurs = Object.entries(SAMPLE).every(
    // JSON has numbers that no double holds: `1e999` would be a time that never comes.
    ([name, type]) => typeof entry[name] === type && (type !== 'number' || Number.isFinite(entry[name])),
  )
  if (!isOurs || !STATES.includes(entry['state'] as string) || !/^\d+$/.test(entry['amount'] as string))
    return undefined
  return { ...(entry as unknown as PurchaseRecord), amount: BigInt(entry['amount'] as string) }
}

/** Purchases that somebody is at: few, so that those of the dead are found soon. */
export const BUSY = 'busy/'
/** All others. */
export const BOOK = 'book/'

export const busyKey = (id: string): string => `${BUSY}${id}`
export const bookKey = (id: string): string => `${BOOK}${id}`
/** The signed bytes, as long as they can be presented. */
export const fieldKey = (id: string): string => `field/${id}`
/** Which purchase has this purchase key, until its outcome is known. */
export const liveKey = (purchaseKey: string): string => `live/${purchaseKey}`
export const spendKey = (wallet: string): string => `spend/${wallet}`
/** The first recipient of an origin. */
export const pinKey = (origin: string, asset: AssetKey): string => `pin/${digest(`${origin} ${asset}`)}`
/** What was last paid for a resource. */
export const priceKey = (resource: string, asset: AssetKey): string => `price/${digest(`${resource} ${asset}`)}`
/** The answer of a client that left. */
export const heldKey = (purchaseKey: string): string => `held/${purchaseKey}`

/** Names from outside may be longer than a key of the store. */
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40)

/** An authorization is turned down when it ends sooner than this. */
const EXPIRY_MARGIN = 6_000
/** How much the clock of a chain may lag behind ours. */
const CHAIN_LAG = 30_000

/** Unix milliseconds: no use presenting it from then on. */
export const presentableUntil = ({ validBefore }: Pick<PurchaseRecord, 'validBefore'>): number =>
  validBefore * 1_000 - EXPIRY_MARGIN

/** Unix milliseconds: whoever has the signature may cash it until then. */
export const livesUntil = ({ validBefore }: Pick<PurchaseRecord, 'validBefore'>): number =>
  validBefore * 1_000 + CHAIN_LAG

/** A reservation that is to be written. @param suffix random hex, that tells it from others of the same millisecond */
export function newPurchase(
  ask: PurchaseAsk,
  { owner, suffix, instance, now }: { owner: string; suffix: string; instance: string; now: number },
): PurchaseRecord {
  const { route, wallet, client, purchaseKey, keyed, resource, asset, amount, payTo } = ask
  return {
    id: `${Math.max(0, Math.floor(now)).toString(16).padStart(12, '0')}${suffix}`,
    state: 'reserved',
    owner,
    instance,
    was: '',
    ...{ purchaseKey, keyed, route, wallet, client, resource, amount, payTo },
    network: asset.chain,
    asset: asset.address,
    symbol: asset.symbol,
    decimals: asset.decimals,
    reservedAt: now,
    signedAt: 0,
    endedAt: 0,
    nonce: '',
    payer: '',
    identifier: '',
    validBefore: 0,
    transaction: '',
    status: 0,
    attempts: 0,
    proven: false,
  }
}
