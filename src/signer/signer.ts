import type { TypedData } from '../x402/scheme.js'

/** What signs the payments of one wallet. No property of it leads to a key. */
export type Signer = {
  /** With its checksum (ERC-55). */
  readonly address: string
  /** 65 bytes as `0x` and lower-case hex, low s, by `address`. @throws SignerError, and nothing else */
  readonly sign: (typed: TypedData) => Promise<string>
  /** Forgets the key, as far as a runtime can; no signature afterwards. */
  readonly close: () => void
}

/** Nothing was signed. The message says why, and holds nothing of a key, a password or a signature. */
export class SignerError extends Error {
  override readonly name = 'SignerError'
}
