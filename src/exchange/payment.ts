import { randomBytes } from 'node:crypto'
import { decodeAnswer, type StoredAnswer } from '../idempotency/stored-answer.js'
import { type Purchase, ReservationLost, type Signed } from '../ledger/purchase.js'
import { type Signer, SignerError } from '../signer/signer.js'
import { StoreError } from '../store/store.js'
import { formatUnits } from '../x402/amount.js'
import { exactScheme } from '../x402/authorization.js'
import { type Payment as Choice, choose, EXPIRY_MARGIN_SECONDS } from '../x402/choose.js'
import { type PaymentField, paymentField } from '../x402/payment-field.js'
import { paymentIdentifier } from '../x402/payment-identifier.js'
import type { Offer } from '../x402/terms.js'
import { gatherBody } from './gathered-body.js'
import type { Remedy } from './interlude.js'
import type { PayingGround, Spend } from './paid-request.js'
import { namedPurchase, purchaseKey } from './purchase-key.js'
import { withoutQuery } from './record.js'
import { slotsOf } from './running-purchases.js'

/** A purchase whose payment is durable: from here on its bytes are presented, and no others (P4). */
export type Bought = {
  /** Of `RunningPurchases`; whoever has this leaves it. */
  readonly slot: string
  readonly purchase: Purchase
  readonly payment: Signed
  /** It was signed for an earlier request of the client (P5). */
  readonly taken: boolean
  /** Of a new one. */
  readonly spend?: Spend
}

/** How often another process may be found at the same purchase before the 402 goes out. */
const LOOKS = 8

/** Why nothing was paid; the word is the log's. */
class NotPaid extends Error {
  readonly what: string

  constructor(what: string, detail: string) {
    super(detail)
    this.what = what
  }
}

/** Meets the terms of one 402: matches a purchase whose outcome is open, or reserves, signs and writes down a new one. */
export class Payment implements Remedy {
  readonly why = 'paid'
  readonly failedFor = 'not-paid'
  /** A client that was told 402 would not ask again for what it has paid (P7). */
  readonly supersedes = true
  state: Remedy['state'] = 'running'
  kept: StoredAnswer | undefined
  /** What was paid, for people; `undefined` when nothing was. */
  spent: string | undefined
  /** Why nothing was paid, in a word. */
  refusal: string | undefined
  #signed: Signed | undefined
  readonly #ground: PayingGround
  readonly #offer: Offer
  readonly #onBought: (bought: Bought) => void
  readonly #gone = new AbortController()

  /** @param onBought told before the attempt that presents it */
  constructor(ground: PayingGround, offer: Offer, onBought: (bought: Bought) => void) {
    this.#ground = ground
    this.#offer = offer
    this.#onBought = onBought
  }

  /** What an attempt now would present; too late, and no facilitator takes it (P4). */
  get field(): PaymentField | undefined {
    if (this.#signed === undefined) return undefined
    const ends = (this.#signed.validBefore - EXPIRY_MARGIN_SECONDS) * 1_000
    return this.#ground.services.clock.now() < ends ? this.#signed.field : undefined
  }

  start(done: () => void): void {
    void this.#meet().then(state => {
      if (this.#gone.signal.aborted) return
      this.state = state
      done()
    })
  }

  /** Nobody waits any more: what is not signed is given back. */
  cancel(): void {
    this.#gone.abort()
  }

  /** Never rejects. */
  async #meet(): Promise<'done' | 'failed'> {
    try {
      await this.#match()
      return 'done'
    } catch (error) {
      const { what, detail } = explain(error)
      this.refusal = what
      this.#report(what, detail)
      return 'failed'
    }
  }

  async #match(): Promise<void> {
    const { payments, plan, request } = this.#ground
    const keys = slotsOf(purchaseKey(plan, request, await this.#digest()), this.#isKeyed)
    const slot = await payments.running.enter(keys, this.#gone.signal)
    if (slot === undefined) return this.#checkClient()
    const bought = await this.#obtain(slot, keys).catch((error: unknown) => {
      payments.running.leave(slot)
      throw error
    })
    if (bought === undefined) payments.running.leave(slot)
    else this.#present(bought)
  }

  /** @returns what is to be presented; `undefined` when an answer was kept for this client */
  async #obtain(slot: string, keys: readonly string[]): Promise<Bought | undefined> {
    const { ledger } = this.#ground.payments
    for (let left = LOOKS; ; left--) {
      this.#checkClient()
      const met = await this.#matches(slot, keys)
      if (met !== undefined || this.kept !== undefined) return met
      const bought = await this.#buy(slot)
      if ('purchase' in bought) return bought
      // Another process is at the same purchase: it may leave it to us, or free.
      const isFree = await ledger.whenFree(slot, this.#ground.deadlines.total, this.#gone.signal)
      if (left === 0 || !isFree) throw new NotPaid('in_flight', bought.detail)
    }
  }

  /** The answer of a purchase that is kept for this client, or a payment whose outcome is open (P5, P8). */
  async #matches(slot: string, keys: readonly string[]): Promise<Bought | undefined> {
    const { ledger, running } = this.#ground.payments
    const met = await ledger.meet(keys)
    for (const { key } of met) {
      if (await this.#takeKept(key)) return undefined
      const purchase = await ledger.claimUnknown(key)
      if (purchase?.payment) return { slot: running.move(slot, key), purchase, payment: purchase.payment, taken: true }
    }
    // Whatever else is wanted, a second signature while the first may be cashed is not (P4).
    if (met.some(({ isLate }) => isLate)) throw new NotPaid('in_flight', 'an earlier payment may still be taken')
    return undefined
  }

  async #takeKept(key: string): Promise<boolean> {
    const { services, payments, policy } = this.#ground
    const held = await payments.ledger.takeHeld(key)
    const kept = held && decodeAnswer(held, key)
    if (held === undefined || kept === undefined) return false
    if (this.#gone.signal.aborted) {
      // Nobody is there to be given it: it is for the next try.
      await payments.ledger.hold(key, held, services.clock.now() + policy.hold)
      this.#checkClient()
    }
    this.kept = kept
    return true
  }

  get #isKeyed(): boolean {
    return namedPurchase(this.#ground.request) !== undefined
  }

  #checkClient(): void {
    if (this.#gone.signal.aborted) throw new NotPaid('client-gone', 'the client left before anything was paid')
  }

  /** Of the whole request body, which is read to its end first: a retry is known by it. */
  #digest(): Promise<string> {
    const { body, plan } = this.#ground
    return new Promise((resolve, reject) => {
      gatherBody(body, plan.route.body.memory, gathered => {
        if (gathered) resolve(gathered.digest)
        else reject(new NotPaid('body-not-kept', 'the request body is too long to be sent again'))
      })
    })
  }

  /** @returns the new purchase, or what stands in the way, when it may not for long */
  async #buy(slot: string): Promise<Bought | { readonly detail: string }> {
    const { payments, policy } = this.#ground
    const choice = await this.#choose()
    const signer = payments.signer(policy.wallet)
    if (signer === undefined) throw new NotPaid('would-pay', `${said(choice)} to ${choice.payTo}; the wallet watches`)
    const reserved = await payments.ledger.reserve(this.#ask(slot, choice))
    if ('purchase' in reserved) return this.#signFor(slot, reserved.purchase, choice, signer)
    if (reserved.refused !== 'in_flight') throw new NotPaid(reserved.refused, reserved.detail)
    return reserved
  }

  async #signFor(slot: string, purchase: Purchase, choice: Choice, signer: Signer): Promise<Bought> {
    const { ledger } = this.#ground.payments
    try {
      const payment = await this.#sign(choice, signer)
      // Nothing is out: what was signed is forgotten.
      this.#checkClient()
      await ledger.signed(purchase, payment)
      this.spent = said(choice)
      return { slot, purchase, payment, taken: false, spend: { asset: choice.asset.symbol, units: choice.amount } }
    } catch (error) {
      void ledger.release(purchase)
      throw error
    }
  }

  async #choose(): Promise<Choice> {
    const { payments, policy, plan, upstream, services, deadlines } = this.#ground
    const known = await payments.ledger.known(upstream.origin, this.#resource, policy.assets)
    const choice = choose(this.#offer, policy, {
      now: services.clock.now(),
      hop: { scheme: plan.scheme, host: plan.host, port: plan.port, direct: upstream.isDirect },
      askedHost: this.#askedHost,
      pinned: known.pinned,
      lastPaid: known.lastPaid,
      timeLeft: deadlines.timeLeft,
    })
    if (choice.kind === 'refuse') throw new NotPaid(choice.reason, choice.detail)
    return choice
  }

  get #resource(): string {
    return this.#ground.upstream.origin + withoutQuery(this.#ground.plan.path)
  }

  get #askedHost(): string | undefined {
    const { host } = this.#ground.plan.route.match
    return host.startsWith('*') ? undefined : host
  }

  #ask(key: string, { asset, amount, payTo }: Choice) {
    const { payments, policy, plan, upstream } = this.#ground
    return {
      route: plan.route.name,
      wallet: policy.wallet,
      client: '',
      purchaseKey: key,
      keyed: this.#isKeyed,
      resource: this.#resource,
      asset,
      amount,
      payTo,
      limits: payments.limits(policy.wallet),
      pin: policy.pay_to.length === 0 ? upstream.origin : undefined,
    }
  }

  async #sign(choice: Choice, signer: Signer): Promise<Signed> {
    const identifier = this.#offer.identifier ? paymentIdentifier(randomBytes(16)) : undefined
    const draft = exactScheme.draft(choice, signer.address, randomBytes(exactScheme.randomBytes))
    const payload = draft.payload(await signer.sign(draft.typed))
    return {
      field: paymentField(this.#offer, choice.requirement, payload, identifier),
      nonce: draft.nonce,
      payer: signer.address,
      validBefore: choice.validBefore,
      identifier,
    }
  }

  #present(bought: Bought): void {
    const { running, ledger } = this.#ground.payments
    if (this.#gone.signal.aborted) {
      // Nothing of it left: whoever asks next finds it as it is.
      return void ledger.release(bought.purchase).then(() => running.leave(bought.slot))
    }
    this.#signed = bought.payment
    this.#onBought(bought)
    this.#report(bought.taken ? 'presented-again' : 'paid', this.spent ?? '', bought.spend)
  }

  #report(what: string, detail: string, spend?: Spend): void {
    const { id, plan, policy, payments } = this.#ground
    payments.report({ exchange: id, route: plan.route.name, wallet: policy.wallet, what, detail }, spend)
  }
}

const said = ({ amount, asset }: Choice): string => `${formatUnits(amount, asset.decimals)} ${asset.symbol}`

/** Anything else is a bug: its message may hold what must not be told. */
function explain(error: unknown): { readonly what: string; readonly detail: string } {
  if (error instanceof NotPaid) return { what: error.what, detail: error.message }
  if (error instanceof SignerError) return { what: 'signing-failed', detail: error.message }
  if (error instanceof StoreError) return { what: 'ledger-failed', detail: error.message }
  if (error instanceof ReservationLost) return { what: 'reservation-lost', detail: error.message }
  return { what: 'payment-broke', detail: error instanceof Error ? error.constructor.name : typeof error }
}
