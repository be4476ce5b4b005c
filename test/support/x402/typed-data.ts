import { createHash } from 'node:crypto'
import { exactScheme } from '../../../src/x402/authorization.js'
import type { Payment } from '../../../src/x402/choose.js'
import type { TypedData } from '../../../src/x402/scheme.js'
import { SELLER, USDC } from './offers.js'

/** 32 bytes that depend on a seed and a name alone. */
const bytes32 = (seed: number, name: string): Buffer => createHash('sha256').update(`${seed} ${name}`).digest()

/** A key for tests, as hex. */
export const testKey = (seed: number): `0x${string}` => `0x${bytes32(seed, 'key').toString('hex')}`

/** An authorization whose every field depends on the seed. */
export function typedData(seed: number, payer: string): TypedData {
  const recipient = bytes32(seed, 'to').toString('hex', 0, 20)
  const contract = bytes32(seed, 'asset').toString('hex', 0, 20)
  const amount = BigInt(`0x${bytes32(seed, 'amount').toString('hex', 0, 1 + (seed % 32))}`)
  const asset = {
    ...USDC,
    chain: `eip155:${1 + seed * 7}` as const,
    address: seed === 0 ? USDC.address : `0x${contract}`,
    name: ['USDC', 'USD Coin', 'Bridged USDC (ä€😀)', ''][seed % 4] ?? '',
    version: String(seed % 3),
  }
  const payTo = seed === 0 ? SELLER : `0x${recipient}`
  const validAfter = seed % 2 === 0 ? 0 : 1_700_000_000 + seed
  const payment: Payment = {
    kind: 'pay',
    requirement: {
      kind: 'exact',
      network: asset.chain,
      chain: asset.chain,
      amount,
      asset: asset.address,
      payTo,
      maxTimeoutSeconds: 60,
      name: asset.name,
      version: asset.version,
      flow: 'authorization',
      transferMethod: 'eip3009',
      resource: undefined,
      json: '{}',
    },
    asset,
    amount,
    payTo,
    validAfter,
    validBefore: 1_800_000_000 + seed,
    firstUse: false,
  }
  return exactScheme.draft(payment, payer, bytes32(seed, 'nonce')).typed
}
