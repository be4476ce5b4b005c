import type { Payment } from './choose.js'

/**
 * How a payment of one scheme is made: what its signature covers, and what goes to the server. `exact` by EIP-3009 is the
 * only one so far; a further one brings its own requirement, and is asked by `choose` for what fits.
 */
export type Scheme = {
  /** As offers name it. */
  readonly name: string
  /** @param payer address of the wallet @param random fresh bytes for this payment, as many as `randomBytes` says */
  readonly draft: (payment: Payment, payer: string, random: Buffer) => Draft
  readonly randomBytes: number
}

/** An unsigned payment. */
export type Draft = {
  readonly typed: TypedData
  /** What makes it unique on its chain, `0x` and hex: the ledger's name for it. */
  readonly nonce: string
  /** The scheme's `payload` as JSON. */
  readonly payload: (signature: string) => string
}

/** EIP-712 as JSON: integers are decimal texts, so that any signer can be given it. */
export type TypedData = {
  readonly types: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>
  readonly primaryType: string
  readonly domain: {
    readonly name: string
    readonly version: string
    readonly chainId: string
    readonly verifyingContract: string
  }
  readonly message: Readonly<Record<string, string>>
}
