import type { TypedData } from '../x402/scheme.js'

/** As much of Ethereum as a wallet needs. */
export type Ethereum = {
  /** With its checksum. */
  readonly addressOf: (key: Uint8Array) => string
  readonly isKey: (key: Uint8Array) => boolean
  readonly addChecksum: (address: string) => string
  /** RFC 6979 without extra entropy: the same data has one signature, wherever it is made. */
  readonly sign: (typed: TypedData, key: Uint8Array) => string
  /** Address of whoever signed this. @throws when nobody can have */
  readonly recover: (signature: string, typed: TypedData) => string
}

/** Curve and hashes: loaded when a wallet is opened, for no other daemon needs them. */
export async function loadEthereum(): Promise<Ethereum> {
  const { addr, recoverAddressTyped, signTyped } = await import('micro-eth-signer')
  // Its type wants integers as bigint; decimal texts, as any JSON signer is given, it takes as well.
  const theirs = (typed: TypedData) => typed as unknown as Parameters<typeof signTyped>[0]
  return {
    addressOf: addr.fromPrivateKey,
    isKey: addr.isValidPrivateKey,
    addChecksum: addr.addChecksum,
    sign: (typed, key) => signTyped(theirs(typed), key, false),
    recover: (signature, typed) => recoverAddressTyped(signature, theirs(typed)),
  }
}
