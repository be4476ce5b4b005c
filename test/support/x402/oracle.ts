import { decodePaymentSignatureHeader } from '@x402/core/http'
import type { PaymentRequirements } from '@x402/core/types'
import { type Address, type Hex, hashTypedData, recoverTypedDataAddress } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { seeded } from '../random.js'
import type { Facilitator } from './facilitator.js'

/** The terms of a transfer by EIP-3009, amounts in atomic units, times in Unix seconds. */
export type Authorization = {
  readonly from: Address
  readonly to: Address
  readonly value: bigint
  readonly validAfter: bigint
  readonly validBefore: bigint
  readonly nonce: Hex
}

export type Domain = {
  readonly name: string
  readonly version: string
  readonly chainId: number
  readonly verifyingContract: Address
}

/** What is signed, as EIP-712 wants it. */
const TRANSFER_TYPES = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const

const typedData = (domain: Domain, message: Authorization) =>
  ({ domain, types: TRANSFER_TYPES, primaryType: 'TransferWithAuthorization', message }) as const

/** One authorization with the signature that viem makes of it. */
export type SignatureVector = {
  readonly key: Hex
  readonly domain: Domain
  readonly authorization: Authorization
  readonly digest: Hex
  readonly signature: Hex
}

/** The signature of the official library's signer: 65 bytes, deterministic. */
function signAuthorization(account: PrivateKeyAccount, domain: Domain, message: Authorization): Promise<Hex> {
  return account.signTypedData(typedData(domain, message))
}

/** Who signed this. */
export function recoverSigner(domain: Domain, message: Authorization, signature: Hex): Promise<Address> {
  return recoverTypedDataAddress({ ...typedData(domain, message), signature })
}

/** Random authorizations, signed by viem; the same for the same seed. */
export async function signatureVectors(count: number, seed: number): Promise<SignatureVector[]> {
  const random = seeded(seed)
  const bytes = (length: number): Hex => {
    const digits = Array.from({ length }, () =>
      Math.floor(random() * 256)
        .toString(16)
        .padStart(2, '0'),
    )
    return `0x${digits.join('')}`
  }
  const vectors: SignatureVector[] = []
  for (let made = 0; made < count; made++) {
    const key = bytes(32)
    const account = privateKeyToAccount(key)
    const domain: Domain = {
      name: NAMES[made % NAMES.length]!,
      version: String(1 + (made % 3)),
      chainId: CHAINS[made % CHAINS.length]!,
      verifyingContract: bytes(20),
    }
    const authorization: Authorization = {
      from: account.address,
      to: bytes(20),
      value: BigInt(bytes(1 + (made % 32))),
      validAfter: BigInt(bytes(1 + (made % 5))),
      validBefore: BigInt(bytes(1 + (made % 8))),
      nonce: bytes(32),
    }
    const digest = hashTypedData(typedData(domain, authorization))
    vectors.push({
      key,
      domain,
      authorization,
      digest,
      signature: await signAuthorization(account, domain, authorization),
    })
  }
  return vectors
}

const NAMES = ['USD Coin', 'USDC', 'Bridged USDC (Local)', 'Euro Coin', '']
const CHAINS = [1, 8_453, 84_532, 137, 43_114]

/**
 * The official facilitator's word on a payment field, `PAYMENT-SIGNATURE` or `X-PAYMENT`: undefined when it is good,
 * else the code it refuses with.
 */
export async function refusalOf(
  facilitator: Facilitator,
  field: string,
  requirement: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const verdict = await facilitator.verify(
    decodePaymentSignatureHeader(field),
    requirement as never as PaymentRequirements,
  )
  return verdict.isValid ? undefined : (verdict.invalidReason ?? 'unnamed')
}
