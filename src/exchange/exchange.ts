import type { Fields } from '../http/fields.js'
import type { Renewal } from '../policy/credential.js'
import type { Outcome, Why } from '../policy/types.js'
import { type AttemptSink, Dispatch } from '../upstream/dispatch.js'
import type { AttemptFault } from '../upstream/to-fault.js'
import type { ResponseHead } from '../wire/events.js'
import type { Authorization } from './authorization.js'
import type { Expiry } from './deadlines.js'
import type { Retry } from './decisions.js'
import { type ExchangeParts, exchangeParts } from './exchange-parts.js'
import type { HeldAnswer } from './held-answer.js'
import type { InterludeSink } from './interlude.js'
import type { ClientAnswer, MaybeBody, RequestHead } from './lane.js'
import type { Plan } from './plan.js'
import { cooldownFull, type OwnRefusal, outOfTime, timedOut, tokenUnavailable, uploadStalled } from './refusals.js'
import { reachedBy } from './respond.js'
import type { Services } from './services.js'

/**
 * queued: at the cooldown gate, before the first attempt · trying: an attempt is under way, its head not yet here ·
 * waiting: between attempts, or for a token · answering: the final head went to the client, or bytes pass after a 101.
 */
type State = 'new' | 'queued' | 'trying' | 'waiting' | 'answering' | 'over'

/**
 * One client request and its one answer: the only attempt loop there is (L1). Decisions are made by pure functions in
 * `policy/`; here they are asked for and carried out. No promises: a request that needs nothing special pays for nothing.
 */
export class Exchange implements AttemptSink, InterludeSink {
  readonly id: string
  readonly #services: Services
  readonly #plan: Plan
  readonly #request: RequestHead
  readonly #parts: ExchangeParts
  #state: State = 'new'
  #dispatch: Dispatch | undefined
  #fresh = false
  #end: string | undefined

  constructor(services: Services, plan: Plan, request: RequestHead, body: MaybeBody, answer: ClientAnswer) {
    this.id = services.newId()
    this.#services = services
    this.#plan = plan
    this.#request = request
    this.#parts = exchangeParts(services, this.id, plan, request, { body, answer }, this)
  }

  start(): void {
    this.#parts.origin.countFirst()
    const turn = this.#parts.interlude.takeTurn(this.#parts.deadlines.total)
    if (turn === 'pass') this.#attempt()
    else if (turn === 'queued') this.#state = 'queued'
    else this.#refuse(cooldownFull(this.#parts.upstream.origin, turn))
  }

  #attempt(): void {
    const order = this.#parts.orders.make(this.#parts.log.count + 1, this.#fresh)
    if (order === undefined) return this.#awaitToken()
    if ('code' in order) return this.#refuse(order)
    this.#state = 'trying'
    this.#parts.log.begin()
    this.#dispatch = new Dispatch(this.#parts.upstream, order, this, this.#services.clock)
    this.#dispatch.start()
  }

  #awaitToken(): void {
    this.#state = 'waiting'
    this.#parts.authorization?.await(this.#parts.deadlines.total, unavailable => {
      if (unavailable === undefined) this.#attempt()
      else this.#refuse(tokenUnavailable(unavailable))
    })
  }

  onDispatched(reused: boolean): void {
    this.#parts.log.dispatched(reused)
  }

  onSent(): void {
    if (this.#state === 'trying') this.#parts.deadlines.awaitHead()
  }

  onInterim(head: ResponseHead): void {
    this.#parts.reply.inform(head)
  }

  onHead(head: ResponseHead): void {
    const outcome: Outcome = { kind: 'answer', status: head.status, fields: head.fields }
    this.#attemptEnded(String(head.status))
    // Below 400 no policy has anything to say.
    if (head.status < 400) {
      this.#parts.origin.succeeded(outcome, this.#parts.log.dispatchedAt)
      return this.#commit(head, 'final')
    }
    this.#parts.origin.failed(outcome, this.#parts.log.dispatchedAt)
    const { authorization, decisions, deadlines } = this.#parts
    const renewal = authorization?.decide(head, decisions.repeatable, deadlines)
    if (authorization && renewal) return this.#unauthorized(head, renewal, authorization)
    const decision = decisions.decide(outcome)
    if (decision.act === 'return') return this.#commit(head, decision.why)
    if (!this.#repeat(decision)) return this.#commit(head, 'wait-too-long')
    this.#parts.body?.halt()
    this.#parts.interlude.dispose(head)
  }

  /** A 401 is held while its token is renewed; without another one it is the client's, intact (T2, L10). */
  #unauthorized(head: ResponseHead, { act, why }: Renewal, authorization: Authorization): void {
    if (act === 'return-and-renew') authorization.renew(this.#parts.deadlines.total, () => undefined)
    if (act !== 'renew') return this.#commit(head, why)
    this.#state = 'waiting'
    this.#parts.reply.forgetInterims()
    this.#parts.log.decided(why)
    this.#parts.body?.halt()
    this.#parts.interlude.waitForRenewal(authorization, this.#parts.deadlines.total)
    this.#parts.interlude.dispose(head)
  }

  onFault(fault: AttemptFault): void {
    const { draining, mayBeGiven } = this.#parts.interlude
    if (draining && !mayBeGiven) return this.#parts.interlude.lostConnection()
    if (draining) this.onUndrained(draining)
    if (this.#state === 'answering') return this.#broken(fault)
    this.#attemptEnded(fault.fault)
    this.#dispatch = undefined
    const outcome = { kind: 'fault', ...fault } as const
    this.#parts.origin.failed(outcome, this.#parts.log.dispatchedAt)
    const decision = this.#parts.decisions.decide(outcome)
    if (decision.act === 'retry') return void this.#repeat(decision)
    this.#parts.log.decided(decision.why)
    if (this.#giveHeld(decision.why, reachedBy(outcome) === 'unknown')) return
    this.#end = outcome.fault
    this.#parts.reply.giveFault(outcome)
    this.#finish()
  }

  #attemptEnded(outcome: string): void {
    this.#parts.deadlines.attemptOver()
    this.#parts.log.outcome(outcome, this.#dispatch?.bytesSent ?? 0)
  }

  /** Starts the wait for the next attempt. @returns false when its turn at the cooldown gate would come too late */
  #repeat(decision: Retry): boolean {
    const turn = decision.gated ? this.#parts.interlude.takeTurn(this.#parts.deadlines.total) : 'pass'
    if (turn !== 'pass' && turn !== 'queued') return false
    if (turn === 'pass') this.#parts.interlude.waitFor(decision.after)
    this.#parts.decisions.take(decision)
    this.#state = 'waiting'
    this.#fresh = decision.fresh
    this.#parts.reply.forgetInterims()
    this.#parts.log.decided(decision.why)
    return true
  }

  onUndrained({ head, body }: HeldAnswer): void {
    if (!this.#parts.interlude.mayBeGiven) return void this.#dispatch?.abort()
    // Too long to be held: the client gets it now, and the renewal serves its own repeat.
    this.#parts.interlude.cancel()
    this.#commit(head, 'body-not-kept')
    for (const chunk of body) this.onData(chunk)
  }

  onInterludeOver(): void {
    if (this.#state === 'waiting') this.#parts.log.waited()
    if (this.#state === 'queued') this.#parts.log.queued()
    if (this.#parts.interlude.mayBeGiven && this.#giveHeld('token-not-renewed', false)) return
    if (this.#state === 'waiting' || this.#state === 'queued') this.#attempt()
  }

  #commit(head: ResponseHead, why: Why): void {
    this.#parts.log.decided(why)
    this.#state = 'answering'
    this.#parts.body?.release()
    this.#parts.deadlines.commit(head.fields)
    this.#parts.reply.commit(head, why)
  }

  onData(chunk: Buffer): void {
    const draining = this.#parts.interlude.draining
    if (draining) return draining.receive(chunk)
    if (this.#state !== 'answering') return
    this.#parts.deadlines.active()
    if (this.#parts.reply.write(chunk)) return
    this.#dispatch?.pause()
    this.#parts.deadlines.clientBlocked(true)
  }

  /** Everything of one read was told: a head alone must not wait for its body, event streams may be silent for long. */
  onReadEnd(): void {
    if (this.#state === 'answering') this.#parts.reply.flush()
  }

  /** The client took what was waiting. */
  onClientDrain(): void {
    if (this.#state !== 'answering') return
    this.#parts.deadlines.clientBlocked(false)
    this.#dispatch?.resume()
  }

  onEnd(trailers: Fields): void {
    const draining = this.#parts.interlude.draining
    if (draining) return draining.end()
    if (this.#parts.reply.isRaw) return this.#parts.reply.endRaw()
    if (this.#state !== 'answering') return
    this.#finish()
    this.#parts.reply.end(trailers)
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    this.#attemptEnded('101')
    this.#parts.origin.succeeded({ kind: 'answer', status: 101, fields: head.fields }, this.#parts.log.dispatchedAt)
    this.#parts.log.decided('final')
    this.#state = 'answering'
    this.#parts.deadlines.end()
    if (this.#dispatch) this.#parts.reply.upgrade(head, this.#dispatch)
    if (rest.length > 0) this.onData(rest)
  }

  onDrain(): void {
    this.#parts.reply.resumeRaw()
  }

  /**
   * The answer of an earlier attempt, when it was read whole, says more than any fault (R10); but its "not applied" must
   * not stand for a later attempt that may have been. @param reached that later attempt came to the upstream
   */
  #giveHeld(why: Why, reached: boolean): boolean {
    const { held } = this.#parts.interlude
    if (held === undefined || (reached && this.#parts.class === 'bare')) return false
    if (why !== 'final') this.#parts.log.decided(why)
    this.#parts.reply.giveHeld(held, why)
    this.#finish()
    return true
  }

  /** No attempt may be made, or none ended in time; what an earlier one answered comes first. */
  #refuse(refusal: OwnRefusal): void {
    if (this.#giveHeld('final', refusal.outcome === 'unknown')) return
    this.#end = refusal.code
    this.#parts.reply.refuse(refusal)
    this.#finish()
  }

  onExpired(what: Expiry): void {
    const state = this.#state
    const sent = state === 'trying' ? (this.#dispatch?.bytesSent ?? 0) > 0 : false
    this.#dispatch?.abort()
    if (state === 'answering') return this.#broken(timedOut('committed', what))
    const upstreamStalled = what === 'per-try' || (what === 'upload-stalled' && this.#parts.body?.blocked)
    if (upstreamStalled) return this.onFault(timedOut('timeout', 'no answer within timeout.per_try'))
    this.#parts.interlude.cancel()
    if (state === 'trying') this.#attemptEnded('http_response_timeout')
    if (what === 'upload-stalled') return this.#refuse(uploadStalled)
    // What a request that may not be repeated was refused for before, it was refused for unprocessed.
    const earlier = this.#parts.class !== 'bare' && this.#parts.log.count > 0
    this.#refuse(outOfTime(sent || earlier ? 'unknown' : 'not-sent'))
  }

  /**
   * The rest of the request is malformed: the upstream gets no more of it, and no clean end.
   * @returns false when the answer is on its way or done
   */
  clientBroke(code: OwnRefusal['code'], detail: string): boolean {
    if (this.#state === 'answering' || this.#state === 'over') return false
    const sent = this.#parts.body?.started === true
    this.#dispatch?.abort()
    this.#end = code
    this.#parts.reply.refuse({ code, detail, outcome: sent ? 'unknown' : 'not-sent' })
    this.#finish()
    return true
  }

  /** The client left: everything stops now (L9). @param reset it left with a TCP reset */
  clientGone(reset: boolean): void {
    if (this.#state === 'over') return
    if (!this.#parts.reply.isRaw) this.#end = 'client-gone'
    this.#dispatch?.abort(reset)
    this.#finish()
  }

  #broken(fault: AttemptFault): void {
    if (!this.#parts.reply.isRaw || fault.reset) this.#end = fault.fault
    this.#finish()
    this.#parts.reply.break(fault)
  }

  /** Lets go of everything and writes the record; at most once. */
  #finish(): void {
    if (this.#state === 'over') return
    if (this.#state === 'waiting') this.#parts.origin.refundRepeat()
    this.#state = 'over'
    this.#parts.origin.abandon()
    this.#parts.authorization?.cancel()
    this.#parts.interlude.cancel()
    this.#parts.deadlines.end()
    this.#parts.body?.close()
    this.#parts.log.ended()
    this.#services.record?.(
      this.#parts.log.record(this.id, this.#plan, this.#request, this.#parts.reply, this.#end, this.#parts.body),
    )
  }
}
