import { type Fields, fieldValue } from '../http/fields.js'
import { isObject, parseJson } from '../json/read.js'

/** What a server says about a settlement: its word, no proof. */
export type Receipt = {
  readonly success: boolean
  /** Hash of the transaction; empty when there is none. */
  readonly transaction: string
  readonly network: string
  readonly payer: string | undefined
  /** Atomic units that were taken. */
  readonly amount: bigint | undefined
  /** Code of a failure. */
  readonly reason: string | undefined
}

const MOST_FIELD = 65_536
/** For the ledger: facilitators put whole error messages where codes belong. */
const MOST_WORD = 128

/**
 * The receipt of either version; `undefined` when there is none that can be read. Read as tolerantly as it goes: the
 * answer is paid for, and nothing about it may break it (P11).
 */
export function readReceipt(fields: Fields): Receipt | undefined {
  const said = readTolerantly(fieldValue(fields, 'payment-response') ?? fieldValue(fields, 'x-payment-response'))
  if (said === undefined || typeof said['success'] !== 'boolean') return undefined
  const amount = said['amount']
  return {
    success: said['success'],
    transaction: word(said['transaction']) ?? word(said['txHash']) ?? '',
    network: word(said['network']) ?? '',
    payer: word(said['payer']),
    amount: typeof amount === 'string' && /^\d{1,78}$/.test(amount) ? BigInt(amount) : undefined,
    reason: word(said['errorReason']) ?? word(said['error']),
  }
}

/**
 * The code by which a 402 says what it minds: of the receipt, of the new terms in `PAYMENT-REQUIRED`, or of the body.
 * @param body whole and without content coding; `undefined` when it was not held
 */
export function refusalCode(fields: Fields, body: Buffer | undefined): string | undefined {
  const receipt = readReceipt(fields)
  if (receipt?.reason !== undefined) return receipt.reason
  const terms = readTolerantly(fieldValue(fields, 'payment-required'))
  const parsed = body === undefined ? undefined : parseJson(body)
  const said = isObject(parsed) ? parsed : {}
  return word(terms?.['error']) ?? word(said['errorReason']) ?? word(said['invalidReason']) ?? word(said['error'])
}

/** Base64 of either alphabet, padded or not. */
function readTolerantly(value: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value.length > MOST_FIELD) return undefined
  const parsed = parseJson(Buffer.from(value, 'base64'))
  return isObject(parsed) ? parsed : undefined
}

/** Printable, and not longer than a code or a hash. */
function word(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  return value.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MOST_WORD)
}
