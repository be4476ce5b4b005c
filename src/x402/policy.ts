import type { Millis } from '../time/units.js'
import type { Chain } from './networks.js'

/** A token as we know it: what an offer says about it must agree, and its decimals are ours alone. */
export type Asset = {
  readonly chain: Chain
  /** Contract, in lower case. */
  readonly address: string
  readonly symbol: string
  readonly decimals: number
  /** EIP-712 domain of the contract. */
  readonly name: string
  readonly version: string
}

/** Atomic units by symbol; assets of one symbol have the same decimals. */
export type Amounts = Readonly<Record<string, bigint>>

/** Names an asset in stores and tables. */
export type AssetKey = `${Chain}/${string}`

export const assetKey = ({ chain, address }: Asset): AssetKey => `${chain}/${address}`

/** Ceilings of one wallet over all its routes; a symbol that a ceiling does not name has none. */
export type WalletLimits = {
  readonly per_request: Amounts
  readonly per_hour: Amounts
  readonly per_day: Amounts
  readonly total: Amounts
  /** Payments, of whatever asset. */
  readonly per_minute: number | undefined
}

/** What one route may pay, its wallet's rules included (P2). */
export type PaymentPolicy = {
  /** Name of an entry of `wallets`. */
  readonly wallet: string
  /** Protocol versions that are spoken. */
  readonly versions: readonly (1 | 2)[]
  /** Terms of version 2 count also where they stand in the body alone. */
  readonly accept_body_v2: boolean
  readonly chains: readonly Chain[]
  readonly assets: readonly Asset[]
  /** Recipients in lower case; when empty, each origin's first one is kept for each asset. */
  readonly pay_to: readonly string[]
  /** Most for one request; a symbol that is missing here cannot be paid with. */
  readonly max: Amounts
  /** Longest life of an authorization. */
  readonly max_timeout: Millis
  /** What becomes of an offer that asks for a longer one. */
  readonly when_longer: 'clamp' | 'refuse'
  /** Refused above this many times what was last paid; `undefined`: no such limit. */
  readonly drift: number | undefined
  /** `origin`: terms for a resource of another host are refused. */
  readonly resource: 'origin' | 'any'
  /** Pay over plain http beyond this machine. */
  readonly allow_insecure: boolean
  /** How long a paid answer is kept for a client that left. */
  readonly hold: Millis
}
