import type { Payment } from './choose.js'
import { chainId } from './networks.js'
import type { Draft, Scheme } from './scheme.js'

const TYPES = {
  EIP712Domain: [
    { name: 'name', type: 'string' },
    { name: 'version', type: 'string' },
    { name: 'chainId', type: 'uint256' },
    { name: 'verifyingContract', type: 'address' },
  ],
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const

/** `exact` by `transferWithAuthorization` (EIP-3009): whoever holds the signature can cash it once, until it ends. */
export const exactScheme: Scheme = { name: 'exact', draft, randomBytes: 32 }

/** The domain is ours throughout: an offer chooses among what we know, and adds nothing to what is signed. */
function draft(
  { asset, amount, payTo, requirement, validAfter, validBefore }: Payment,
  payer: string,
  random: Buffer,
): Draft {
  const nonce = `0x${random.toString('hex', 0, 32)}`
  const authorization = {
    from: payer,
    to: requirement.payTo,
    value: String(amount),
    validAfter: String(validAfter),
    validBefore: String(validBefore),
    nonce,
  }
  return {
    typed: {
      types: TYPES,
      primaryType: 'TransferWithAuthorization',
      domain: {
        name: asset.name,
        version: asset.version,
        chainId: String(chainId(asset.chain)),
        verifyingContract: asset.address,
      },
      message: { ...authorization, from: payer.toLowerCase(), to: payTo },
    },
    nonce,
    payload: signature => JSON.stringify({ signature, authorization }),
  }
}
