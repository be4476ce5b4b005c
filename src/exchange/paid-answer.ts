import { encodeAnswer, sharedAnswer } from '../idempotency/stored-answer.js'
import type { Outcome } from '../ledger/purchase.js'
import type { ResponseHead } from '../wire/events.js'
import { kept } from '../wire/shared-read.js'
import { judgePaid, type Verdict } from '../x402/judge-paid.js'
import { unframed } from './claimed-answer.js'
import type { PayingGround } from './paid-request.js'
import type { Bought } from './payment.js'

/** A longer answer is not kept for a client that left. */
const KEPT_MAX = 1_048_576

/** Follows one payment through its presentations to the answer, and tells the ledger what became of it (P7, P8). */
export class PaidAnswer {
  readonly #bought: Bought
  readonly #ground: PayingGround
  #head: ResponseHead | undefined
  #chunks: Buffer[] | undefined = []
  #bytes = 0
  #attempts = 0
  /** A presentation may have been taken, and nobody knows. */
  #inDoubt: boolean
  #isOver = false
  /** Its client left. */
  #isAlone = false

  constructor(bought: Bought, ground: PayingGround) {
    this.#bought = bought
    this.#ground = ground
    this.#inDoubt = bought.taken
  }

  /** An attempt that is not the last word. */
  presented({ standing }: Verdict): void {
    this.#attempts++
    if (standing !== 'refused_live' && standing !== 'unsent') this.#inDoubt = true
  }

  clientLeft(): void {
    this.#isAlone = true
    this.#ground.payments.running.clientLeft(this.#bought.key)
  }

  begin(head: ResponseHead): void {
    this.#head = head
  }

  data(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > KEPT_MAX) this.#chunks = undefined
    this.#chunks?.push(kept(chunk))
  }

  end(): void {
    this.#answered(true)
  }

  broke(): void {
    this.#answered(false)
  }

  /** The client gets an answer of ours: what the presentations came to is all there is. */
  refused(): void {
    this.#conclude('unknown', undefined)
  }

  close(): void {
    // Nothing was told: it was signed, and perhaps sent.
    if (!this.#isOver) this.#conclude('unknown', undefined)
  }

  #answered(complete: boolean): void {
    if (this.#head === undefined) return this.#conclude('unknown', undefined)
    const { status, fields } = this.#head
    const body = complete && this.#chunks ? Buffer.concat(this.#chunks) : undefined
    const verdict = judgePaid({ kind: 'answer', status, fields, body, complete })
    this.#conclude(complete ? this.#outcome(verdict) : 'unknown', verdict, body)
  }

  #outcome({ standing }: Verdict): Outcome {
    switch (standing) {
      case 'refused_live':
        return this.#inDoubt ? 'unknown' : standing
      // Only after a presentation of ours can it be ours that was taken.
      case 'already_used':
        return this.#inDoubt ? 'settled_undelivered' : 'unknown'
      case 'unsent':
        return 'unknown'
      default:
        return standing
    }
  }

  #conclude(to: Outcome, verdict: Verdict | undefined, body?: Buffer): void {
    if (this.#isOver) return
    this.#isOver = true
    const { payments, id, plan, policy } = this.#ground
    const { purchase } = this.#bought
    const status = this.#head?.status
    const facts = { transaction: verdict?.receipt?.transaction, status, attempts: this.#attempts + 1 }
    payments.report({ exchange: id, route: plan.route.name, wallet: policy.wallet, what: to, detail: purchase.id })
    const held = this.#isAlone && status !== undefined && status < 400 ? this.#hold(body) : undefined
    void Promise.all([payments.ledger.settle(purchase, to, facts), held]).then(() =>
      payments.running.leave(this.#bought.key),
    )
  }

  #hold(body: Buffer | undefined): Promise<void> | undefined {
    if (this.#head === undefined || body === undefined) return undefined
    const { payments, policy, services } = this.#ground
    const { status, reason, fields } = this.#head
    const { key, purchase } = this.#bought
    const answer = encodeAnswer(key, sharedAnswer({ status, reason, fields: unframed(fields), body }))
    return payments.ledger.hold(purchase, answer, services.clock.now() + policy.hold)
  }
}
