import { decodeContent } from '../http/content-decoding.js'
import { type Fields, fieldValue } from '../http/fields.js'
import type { StoredAnswer } from '../idempotency/stored-answer.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Why } from '../policy/types.js'
import type { Signer } from '../signer/signer.js'
import type { ResponseHead } from '../wire/events.js'
import { judgePaid, type PaidOutcome } from '../x402/judge-paid.js'
import type { PaymentField } from '../x402/payment-field.js'
import type { PaymentPolicy, WalletLimits } from '../x402/policy.js'
import { readOffer } from '../x402/terms.js'
import type { AnswerWitness } from './answer-witness.js'
import type { Deadlines } from './deadlines.js'
import { TERMS_MAX } from './inspection.js'
import type { Remedy } from './interlude.js'
import type { RequestHead } from './lane.js'
import { PaidAnswer } from './paid-answer.js'
import { Payment } from './payment.js'
import type { Plan } from './plan.js'
import type { RepeatableBody } from './repeatable-body.js'
import type { RunningPurchases } from './running-purchases.js'
import type { Services } from './services.js'

/** What paying exchanges share; there when a route has `payment`. */
export type Payments = {
  /** What pays for one exchange: through here, so that a daemon that never pays loads none of it. */
  readonly request: typeof paidRequest
  readonly ledger: Ledger
  /** `undefined` for a wallet that only watches. */
  readonly signer: (wallet: string) => Signer | undefined
  readonly limits: (wallet: string) => WalletLimits
  readonly running: RunningPurchases
  /** One line for the log. @param spend what was just signed for */
  readonly report: (event: PaymentEvent, spend?: Spend) => void
}

/** What became of a 402: nothing in it is secret. */
export type PaymentEvent = {
  readonly exchange: string
  readonly route: string
  readonly wallet: string
  /** `paid`, `would-pay` for a wallet that only watches, a reason of refusal, or how a payment stands in the end. */
  readonly what: string
  readonly detail?: string
}

/** @property units atomic ones of the asset */
export type Spend = { readonly asset: string; readonly units: bigint }

/** What a paying exchange works with. */
export type PayingGround = {
  readonly id: string
  readonly services: Pick<Services, 'clock' | 'unattended'>
  readonly payments: Payments
  readonly policy: PaymentPolicy
  readonly plan: Plan
  readonly request: RequestHead
  readonly upstream: { readonly origin: string; readonly isDirect: boolean }
  readonly body: RepeatableBody | undefined
  readonly deadlines: Deadlines
}

type Given = Omit<PayingGround, 'payments' | 'policy' | 'services'> & {
  readonly services: Pick<Services, 'clock' | 'unattended' | 'payments'>
}

/** `undefined` where nothing is ever paid: no wallet, or a client that pays for itself. */
export function paidRequest(given: Given): PaidRequest | undefined {
  const { plan, request, services } = given
  const policy = plan.route.payment
  const { payments } = services
  if (policy === undefined || payments === undefined || request.upgrade !== undefined) return undefined
  return paysItself(request.fields) ? undefined : new PaidRequest({ ...given, policy, payments })
}

function paysItself(fields: Fields): boolean {
  if (fieldValue(fields, 'payment-signature') !== undefined || fieldValue(fields, 'x-payment') !== undefined)
    return true
  return /^[ \t]*(?:payment|l402|lsat)[ \t]/i.test(fieldValue(fields, 'authorization') ?? '')
}

/** One exchange's payment: one at most (L1), whose bytes every further attempt presents (P4), and what became of it. */
export class PaidRequest {
  readonly #ground: PayingGround
  #payment: Payment | undefined
  #unreadable = false
  #answer: PaidAnswer | undefined

  constructor(ground: PayingGround) {
    this.#ground = ground
  }

  get witness(): AnswerWitness | undefined {
    return this.#answer
  }

  /** The field that goes with the next attempt; `undefined` before anything is paid. */
  get field(): PaymentField | undefined {
    return this.#answer && this.#payment?.field
  }

  /** For the log: what was paid; `undefined` when nothing was. */
  get spent(): string | undefined {
    return this.#payment?.spent
  }

  /** Why a 402 was not paid (P2). */
  get note(): string | undefined {
    const refusal = this.#unreadable ? 'unreadable' : this.#payment?.refusal
    return refusal && `payment=refused; reason=${refusal}`
  }

  /** This answer asks for a payment, and none was made: its body must be read for the terms. */
  asks({ status }: ResponseHead): boolean {
    return status === 402 && this.#payment === undefined
  }

  /**
   * What makes another attempt possible after a 402, or why nothing does: then the 402 is the client's, intact (P1, P9).
   * @param body of the 402, as it came; `undefined` when it was too long @param repeatable the request can be sent again
   */
  remedy(head: ResponseHead, body: Buffer | undefined, repeatable: boolean): Remedy | Why {
    if (!repeatable) return 'body-not-kept'
    const whole = head.framing.kind === 'none' ? Buffer.alloc(0) : body
    const text = whole && decodeContent(head.fields, whole, TERMS_MAX)
    if (text === undefined) return 'not-paid'
    const offer = readOffer({ fields: head.fields, body: text }, this.#ground.policy)
    if ('unreadable' in offer) {
      this.#unreadable = true
      this.#report('unreadable', offer.unreadable)
      return 'not-paid'
    }
    const payment = new Payment(this.#ground, offer, bought => {
      this.#answer = new PaidAnswer(bought, this.#ground)
    })
    this.#payment = payment
    return payment
  }

  /** An answer that was kept for this client, when it left before it was whole (P8). */
  get kept(): StoredAnswer | undefined {
    return this.#payment?.kept
  }

  /** An attempt that carried the payment ended, and is not the last word. */
  presented(outcome: PaidOutcome): void {
    this.#answer?.presented(judgePaid(outcome))
  }

  /** The client leaves. @returns whether the call goes on without it: it is paid for (P8) */
  outliveClient(): boolean {
    if (this.#answer === undefined) return false
    this.#answer.clientLeft(this.#ground.services.unattended.enter())
    return true
  }

  /** The exchange is over. */
  close(): void {
    this.#payment?.cancel()
    this.#answer?.close()
  }

  #report(what: string, detail: string): void {
    const { id, plan, policy, payments } = this.#ground
    payments.report({ exchange: id, route: plan.route.name, wallet: policy.wallet, what, detail })
  }
}
