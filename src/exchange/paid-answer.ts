import { decodeContent } from '../http/content-decoding.js'
import { encodeAnswer, sharedAnswer } from '../idempotency/stored-answer.js'
import type { Outcome } from '../ledger/purchase.js'
import type { ResponseHead } from '../wire/events.js'
import { kept } from '../wire/shared-read.js'
import { judgePaid, type Verdict } from '../x402/judge-paid.js'
import type { AnswerWitness } from './answer-witness.js'
import { unframed } from './claimed-answer.js'
import type { PayingGround } from './paid-request.js'
import type { Bought } from './payment.js'

/** A longer answer is not kept for a client that left. */
const KEPT_MAX = 1_048_576

/** Follows one payment through its presentations to the answer, and tells the ledger what became of it (P7, P8). */
export class PaidAnswer implements AnswerWitness {
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
  #leave: (() => void) | undefined

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

  /** @param leave told when all is written */
  clientLeft(leave: () => void): void {
    this.#isAlone = true
    this.#leave = leave
    this.#ground.payments.running.clientLeft(this.#bought.slot)
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
    const plain = body && decodeContent(fields, body, KEPT_MAX)
    const verdict = judgePaid({ kind: 'answer', status, fields, body: plain, complete })
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

  #conclude(said: Outcome, verdict: Verdict | undefined, body?: Buffer): void {
    if (this.#isOver) return
    this.#isOver = true
    const { payments, id, plan, policy } = this.#ground
    const { purchase, slot } = this.#bought
    const isForLater = this.#isAlone && (said === 'settled' || said === 'delivered_unconfirmed')
    // Too long to be kept: nobody has it, so the same bytes must be good for the next try (P5).
    const to = isForLater && body === undefined ? 'unknown' : said
    const status = this.#head?.status
    const facts = { transaction: verdict?.receipt?.transaction, status, attempts: this.#attempts + 1 }
    payments.report({ exchange: id, route: plan.route.name, wallet: policy.wallet, what: to, detail: purchase.id })
    const settle = () => payments.ledger.settle(purchase, to, facts)
    // Kept first: once it is settled, another process may take the same request for a new purchase.
    const written = isForLater && body ? this.#hold(body).then(settle) : settle()
    void written.then(() => {
      payments.running.leave(slot)
      this.#leave?.()
    })
  }

  async #hold(body: Buffer): Promise<void> {
    if (this.#head === undefined) return
    const { payments, policy, services } = this.#ground
    const { status, reason, fields } = this.#head
    const { purchaseKey } = this.#bought.purchase.record
    const answer = encodeAnswer(purchaseKey, sharedAnswer({ status, reason, fields: unframed(fields), body }))
    return payments.ledger.hold(purchaseKey, answer, services.clock.now() + policy.hold)
  }
}
