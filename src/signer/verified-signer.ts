import type { TypedData } from '../x402/scheme.js'
import type { Ethereum } from './ethereum.js'
import { type Signer, SignerError } from './signer.js'

/** Order of secp256k1 (SEC 2 §2.4.1). */
const ORDER = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')

/**
 * A signer whose signatures are in one form and proven before anybody sees them: made over this very data, by its
 * address. What a program or a machine elsewhere gives is not trusted to be.
 */
export function verifiedSigner({ address, sign, close }: Signer, { recover }: Ethereum): Signer {
  const checked = async (typed: TypedData): Promise<string> => {
    const signature = canonicalSignature(await sign(typed))
    if (signature === undefined) throw new SignerError('what the signer gave is no signature of 65 bytes in hex')
    if (signerOf(signature, typed, recover) === address) return signature
    throw new SignerError(`the signature is not by ${address}`)
  }
  return { address, sign: checked, close }
}

function signerOf(signature: string, typed: TypedData, recover: Ethereum['recover']): string | undefined {
  try {
    return recover(signature, typed)
  } catch {
    return undefined
  }
}

/**
 * Low s (EIP-2: token contracts refuse the other half) and a recovery byte of 27 or 28; `undefined` when it is no
 * signature of 65 bytes. Hardware and key services give the recovery as 0 or 1, and either s.
 */
export function canonicalSignature(text: string): string | undefined {
  const match = /^(?:0x)?([0-9a-f]{64})([0-9a-f]{64})(00|01|1b|1c)$/i.exec(text.trim())
  if (match === null) return undefined
  const [, r = '', given = '', v = ''] = match
  const s = BigInt(`0x${given}`)
  if (s === 0n || s >= ORDER) return undefined
  const odd = v === '01' || v.toLowerCase() === '1c'
  const high = s > ORDER / 2n
  const low = (high ? ORDER - s : s).toString(16).padStart(64, '0')
  return `0x${r.toLowerCase()}${low}${odd === high ? '1b' : '1c'}`
}
