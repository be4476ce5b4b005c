import type { Fields } from '../http/fields.js'
import { type Receipt, readReceipt, refusalCode } from './receipt.js'

/** What one presentation of a payment came to. */
export type PaidOutcome =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly fields: Fields
      /** Whole and without content coding, where the answer was held. */
      readonly body: Buffer | undefined
      /** False when the body broke off. */
      readonly complete: boolean
    }
  | { readonly kind: 'fault' /** Something of the request may have left us. */; readonly sent: boolean }

/** What that says about the money (P7). */
export type Standing =
  | 'settled' // the server has a receipt
  | 'delivered_unconfirmed' // answered without one: counts as spent
  | 'refused_live' // not charged by the server's word; the signature can be cashed until it ends
  | 'already_used' // after an unknown presentation of ours: paid, answer lost
  | 'unknown'
  | 'unsent' // this presentation never left; the payment stands as before

export type Verdict = {
  readonly standing: Standing
  readonly receipt: Receipt | undefined
  /** The server's code, when it gave one. */
  readonly code: string | undefined
}

/** `nonce_already_used` and what other facilitators say for it; the token contract says "used or canceled". */
const USED =
  /nonce\W*(?:is\W*|was\W*|has\W*been\W*)?(?:already\W*)?used|used or cancell?ed|already[\W_]*(?:used|settled)|nonce_already_used/i
/** Broadcast, or given up on while it was: neither yes nor no. */
const PENDING = /pending|time[\W_]*out|timed[\W_]*out|in[\W_]*flight|duplicate/i

/**
 * How a payment stands after one presentation. A server's word is no proof: whatever is not settled keeps its reservation
 * until the signature ends. 5xx never means "not charged": a settlement that timed out is answered 502.
 */
export function judgePaid(outcome: PaidOutcome): Verdict {
  if (outcome.kind === 'fault') return verdict(outcome.sent ? 'unknown' : 'unsent')
  const { status, fields, body, complete } = outcome
  const receipt = readReceipt(fields)
  if (receipt?.success === true) return verdict('settled', receipt)
  if (status >= 400) {
    const code = refusalCode(fields, body)
    return verdict(refused(status, receipt, code), receipt, code)
  }
  return verdict(complete ? 'delivered_unconfirmed' : 'unknown', receipt, receipt?.reason)
}

const verdict = (standing: Standing, receipt?: Receipt, code?: string): Verdict => ({ standing, receipt, code })

function refused(status: number, receipt: Receipt | undefined, code: string | undefined): Standing {
  if (status >= 500) return 'unknown'
  // 409 of a server that knows our payment-identifier: the first presentation is still running.
  if (status === 409) return 'unknown'
  if (status !== 402) return 'refused_live'
  if (code !== undefined && USED.test(code)) return 'already_used'
  const broadcast = receipt !== undefined && receipt.transaction !== ''
  return broadcast || (code !== undefined && PENDING.test(code)) ? 'unknown' : 'refused_live'
}
