import type { PaymentField } from '../x402/payment-field.js'
import type { Asset, WalletLimits } from '../x402/policy.js'
import type { FinalState, OpenState, PurchaseRecord } from './purchase-record.js'
import type { Window } from './spend.js'

/** What somebody wants to pay. */
export type PurchaseAsk = {
  readonly route: string
  readonly wallet: string
  /** HMAC of who asked. */
  readonly client: string
  /** Hash of the client's idempotency key, or of client, method, URL and body (P5). */
  readonly purchaseKey: string
  /** It is of an idempotency key: one purchase for ever, where the other may be wanted again. */
  readonly keyed: boolean
  /** Origin and path, no query. */
  readonly resource: string
  readonly asset: Asset
  /** Atomic units. */
  readonly amount: bigint
  /** In lower case. */
  readonly payTo: string
  readonly limits: WalletLimits
  /** The origin, where its first recipient is kept (P2). */
  readonly pin: string | undefined
}

/**
 * A window of the wallet's limits · pin: another recipient than this origin's first · in_flight: the purchase of this key
 * may still be cashed · unresolved: that of this idempotency key may have been, and only the chain can tell
 */
export type RefusedReservation = {
  readonly refused: Window | 'pin' | 'in_flight' | 'unresolved'
  readonly detail: string
}

/** A purchase of this process, until it is released or settled. */
export type Purchase = {
  readonly id: string
  readonly owner: string
  readonly record: PurchaseRecord
  readonly limits: WalletLimits
  /** What is to be presented again; `undefined` for a new one. */
  readonly payment: Signed | undefined
}

/** Money until it ends: never in a log. */
export type Signed = {
  readonly field: PaymentField
  /** Its name on the chain. */
  readonly nonce: string
  readonly payer: string
  /** Unix seconds. */
  readonly validBefore: number
  readonly identifier: string | undefined
}

export type Outcome = Exclude<FinalState, 'settled_late' | 'expired'> | OpenState

export type OutcomeFacts = {
  /** From the receipt. */
  readonly transaction?: string | undefined
  readonly status?: number | undefined
  /** Presentations by this owner. */
  readonly attempts: number
}

/** A reservation that is not ours any more, or not good any more: what was signed must not be sent. */
export class ReservationLost extends Error {
  override readonly name = 'ReservationLost'
}
