import { createHash } from 'node:crypto'
import { isObject } from '../json/read.js'
import type { Ethereum } from '../signer/ethereum.js'
import { canonicalSignature } from '../signer/verified-signer.js'
import { chainId } from '../x402/networks.js'
import type { Asset } from '../x402/policy.js'
import type { TypedData } from '../x402/scheme.js'

/** A transfer that its payer signed, as a payment states it (EIP-3009); integers are decimal texts. */
export type Authorization = {
  readonly from: string
  readonly to: string
  readonly value: string
  readonly validAfter: string
  readonly validBefore: string
  readonly nonce: string
}

export type SignedTransfer = { readonly authorization: Authorization; readonly signature: string }

/** What a payment must be for. */
export type Demand = { readonly payTo: string /** Atomic units. */; readonly amount: bigint }

export type Transfer = {
  readonly from: string
  readonly to: string
  /** Atomic units. */
  readonly value: bigint
  readonly nonce: string
  /** Hash: `0x` and 64 hex digits. */
  readonly transaction: string
  /** Unix seconds. */
  readonly at: number
}

/** Seconds that a payment must have left to be taken, as facilitators ask for. */
const MARGIN = 6n

/**
 * A local token ledger: the accounts of one token in memory, with the rules of `transferWithAuthorization`. It is no
 * chain, and what it holds is worth nothing; but money moves on it only by a signature of its owner, in its time, once.
 */
export class TokenLedger {
  readonly token: Asset
  readonly #ethereum: Ethereum
  readonly #balances = new Map<string, bigint>()
  /** By `from nonce`, oldest first. */
  readonly #transfers = new Map<string, Transfer>()

  constructor(token: Asset, ethereum: Ethereum) {
    this.token = token
    this.#ethereum = ethereum
  }

  get transfers(): readonly Transfer[] {
    return [...this.#transfers.values()]
  }

  /** Atomic units. */
  balanceOf(address: string): bigint {
    return this.#balances.get(address.toLowerCase()) ?? 0n
  }

  isUsed(from: string, nonce: string): boolean {
    return this.#transfers.has(place(from, nonce))
  }

  mint(to: string, units: bigint): void {
    this.#balances.set(to.toLowerCase(), this.balanceOf(to) + units)
  }

  /**
   * Why a payment is not taken, in the code of the official facilitator and in the order of its checks; `undefined` when it
   * is good. @param now Unix seconds
   */
  refusal({ authorization, signature }: SignedTransfer, { payTo, amount }: Demand, now: number): string | undefined {
    const { from, to, value, validAfter, validBefore, nonce } = authorization
    if (this.#signerOf(authorization, signature) !== from.toLowerCase()) return 'invalid_exact_evm_signature'
    if (to.toLowerCase() !== payTo.toLowerCase()) return 'invalid_exact_evm_recipient_mismatch'
    if (BigInt(validBefore) < BigInt(now) + MARGIN) return 'invalid_exact_evm_payload_authorization_valid_before'
    if (BigInt(validAfter) > BigInt(now)) return 'invalid_exact_evm_payload_authorization_valid_after'
    if (BigInt(value) !== amount) return 'invalid_exact_evm_payload_authorization_value_mismatch'
    if (this.isUsed(from, nonce)) return 'invalid_exact_evm_nonce_already_used'
    if (this.balanceOf(from) < amount) return 'invalid_exact_evm_insufficient_balance'
    // Tokens know one spelling of a signature, those who look at it before them several.
    const isCanonical = canonicalSignature(signature) === signature.toLowerCase()
    return isCanonical ? undefined : 'invalid_exact_evm_transaction_simulation_failed'
  }

  /** Moves the money of a payment that was just found good. @param now Unix seconds @returns the hash of its transaction */
  settle({ authorization: { from, to, value, nonce } }: SignedTransfer, now: number): string {
    const units = BigInt(value)
    this.#balances.set(from.toLowerCase(), this.balanceOf(from) - units)
    this.#balances.set(to.toLowerCase(), this.balanceOf(to) + units)
    const transaction = `0x${createHash('sha256').update(place(from, nonce)).digest('hex')}`
    const accounts = { from: from.toLowerCase(), to: to.toLowerCase() }
    const transfer = { ...accounts, value: units, nonce: nonce.toLowerCase(), transaction, at: now }
    this.#transfers.set(place(from, nonce), transfer)
    return transaction
  }

  #signerOf(authorization: Authorization, signature: string): string | undefined {
    const canonical = canonicalSignature(signature)
    if (canonical === undefined) return undefined
    try {
      return this.#ethereum.recover(canonical, this.#typed(authorization)).toLowerCase()
    } catch {
      return undefined
    }
  }

  #typed(authorization: Authorization): TypedData {
    const { name, version, chain, address } = this.token
    return {
      types: TYPES,
      primaryType: 'TransferWithAuthorization',
      domain: { name, version, chainId: String(chainId(chain)), verifyingContract: address },
      message: authorization,
    }
  }
}

/** Of the token, not of the wallet: the two must agree without looking at each other. */
const TYPES: TypedData['types'] = {
  EIP712Domain: fields('name: string, version: string, chainId: uint256, verifyingContract: address'),
  TransferWithAuthorization: fields(
    'from: address, to: address, value: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32',
  ),
}

function fields(list: string): { readonly name: string; readonly type: string }[] {
  return list.split(', ').map(field => {
    const [name = '', type = ''] = field.split(': ')
    return { name, type }
  })
}

const place = (from: string, nonce: string): string => `${from} ${nonce}`.toLowerCase()

/** The payload of a payment; `undefined` when it is malformed. */
export function readSignedTransfer(payload: unknown): SignedTransfer | undefined {
  if (!isObject(payload) || !isObject(payload['authorization'])) return undefined
  const { signature, authorization } = payload
  if (!isText(signature, /^0x/)) return undefined
  if (!SHAPES.every(([name, shape]) => isText(authorization[name], shape))) return undefined
  return { signature, authorization: authorization as Authorization }
}

const isText = (value: unknown, shape: RegExp): value is string => typeof value === 'string' && shape.test(value)

const ADDRESS = /^0x[0-9a-f]{40}$/i
const DIGITS = /^\d{1,78}$/
const SHAPES: readonly (readonly [keyof Authorization, RegExp])[] = [
  ['from', ADDRESS],
  ['to', ADDRESS],
  ['value', DIGITS],
  ['validAfter', DIGITS],
  ['validBefore', DIGITS],
  ['nonce', /^0x[0-9a-f]{64}$/i],
]
