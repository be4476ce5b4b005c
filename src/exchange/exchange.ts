import type { Fields } from '../http/fields.js'
import { classify } from '../policy/method-class.js'
import type { Decision, MethodClass, Outcome, Why } from '../policy/types.js'
import { type AttemptSink, Dispatch } from '../upstream/dispatch.js'
import type { AttemptFault } from '../upstream/to-fault.js'
import type { Upstream } from '../upstream/upstream.js'
import type { ResponseHead } from '../wire/events.js'
import { AttemptLog } from './attempt-log.js'
import { Deadlines, type Expiry } from './deadlines.js'
import { Decisions, type Retry } from './decisions.js'
import { Interlude, type InterludeSink } from './interlude.js'
import type { ClientAnswer, MaybeBody, RequestHead } from './lane.js'
import { OriginView } from './origin-view.js'
import { orderFor, type Plan } from './plan.js'
import { breakerOpen, cooldownFull, type OwnRefusal, outOfTime, timedOut, uploadStalled } from './refusals.js'
import { type RepeatableBody, repeatableBody } from './repeatable-body.js'
import { Reply } from './reply.js'
import { reachedBy } from './respond.js'
import type { Services } from './services.js'

/**
 * queued: at the cooldown gate, before the first attempt · trying: an attempt is under way, its head not yet here ·
 * waiting: between attempts · answering: the final head went to the client, or bytes pass after a 101.
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
  readonly #upstream: Upstream
  readonly #origin: OriginView
  readonly #class: MethodClass
  readonly #body: RepeatableBody | undefined
  readonly #deadlines: Deadlines
  readonly #decisions: Decisions
  readonly #log: AttemptLog
  readonly #reply: Reply
  readonly #interlude: Interlude
  #state: State = 'new'
  #dispatch: Dispatch | undefined
  #fresh = false
  #end: string | undefined

  constructor(services: Services, plan: Plan, request: RequestHead, body: MaybeBody, answer: ClientAnswer) {
    const { route } = plan
    const { clock, watch, upstreams, healths, pseudonym } = services
    this.id = services.newId()
    this.#services = services
    this.#plan = plan
    this.#request = request
    this.#upstream = upstreams.get(plan.scheme, plan.host, plan.port)
    this.#origin = new OriginView(healths.get(this.#upstream.origin, route), route, request.fields, clock)
    this.#class = classify(request.method, false)
    this.#deadlines = new Deadlines(watch, clock, route.timeout, what => this.#expired(what))
    this.#decisions = new Decisions(route, this.#class, this.#origin, this.#deadlines)
    this.#body = body && repeatableBody(body, request.framing, route, services, this.#deadlines)
    this.#log = new AttemptLog(clock)
    this.#reply = new Reply(answer, this.id, request.method, pseudonym, route.retry, this.#log)
    this.#interlude = new Interlude(clock, this.#origin, this)
  }

  start(): void {
    this.#origin.countFirst()
    const turn = this.#interlude.takeTurn(this.#deadlines.total)
    if (turn === 'pass') this.#attempt()
    else if (turn === 'queued') this.#state = 'queued'
    else this.#refuse(cooldownFull(this.#upstream.origin, turn))
  }

  // --- an attempt ---

  #attempt(): void {
    const admission = this.#origin.admit()
    if (!admission.admit) return this.#refuse(breakerOpen(this.#upstream.origin, admission.retryAfter))
    const { clock, pseudonym } = this.#services
    const attempt = { number: this.#log.count + 1, fresh: this.#fresh, class: this.#class, pseudonym }
    const order = orderFor(this.#plan, this.#request, this.#body, attempt)
    this.#state = 'trying'
    this.#log.begin()
    this.#dispatch = new Dispatch(this.#upstream, order, this, clock)
    this.#dispatch.start()
  }

  onDispatched(reused: boolean): void {
    this.#log.dispatched(reused)
  }

  onSent(): void {
    if (this.#state === 'trying') this.#deadlines.awaitHead()
  }

  onInterim(head: ResponseHead): void {
    this.#reply.inform(head)
  }

  onHead(head: ResponseHead): void {
    const outcome: Outcome = { kind: 'answer', status: head.status, fields: head.fields }
    this.#attemptEnded(String(head.status))
    // Below 400 no policy has anything to say.
    if (head.status < 400) {
      this.#origin.succeeded(outcome, this.#log.dispatchedAt)
      return this.#commit(head, 'final')
    }
    this.#origin.failed(outcome, this.#log.dispatchedAt)
    const decision = this.#decide(outcome)
    if (decision.act === 'return') return this.#commit(head, decision.why)
    if (!this.#repeat(decision)) return this.#commit(head, 'wait-too-long')
    this.#body?.halt()
    this.#interlude.dispose(head)
  }

  onFault(fault: AttemptFault): void {
    if (this.#interlude.draining) return this.#interlude.lostConnection()
    if (this.#state === 'answering') return this.#broken(fault)
    this.#attemptEnded(fault.fault)
    this.#dispatch = undefined
    const outcome = { kind: 'fault', ...fault } as const
    this.#origin.failed(outcome, this.#log.dispatchedAt)
    const decision = this.#decide(outcome)
    if (decision.act === 'retry') {
      this.#repeat(decision)
      return
    }
    this.#log.decided(decision.why)
    if (this.#giveHeld(decision.why, reachedBy(outcome) === 'unknown')) return
    this.#end = outcome.fault
    this.#reply.giveFault(outcome)
    this.#finish()
  }

  #attemptEnded(outcome: string): void {
    this.#deadlines.attemptOver()
    this.#log.outcome(outcome, this.#dispatch?.bytesSent ?? 0)
  }

  #decide(outcome: Outcome): Decision {
    const { clock, random } = this.#services
    return this.#decisions.decide(outcome, this.#log.count, this.#body?.repeatable ?? true, clock, random)
  }

  /** Starts the wait for the next attempt. @returns false when its turn at the cooldown gate would come too late */
  #repeat(decision: Retry): boolean {
    const turn = decision.gated ? this.#interlude.takeTurn(this.#deadlines.total) : 'pass'
    if (turn !== 'pass' && turn !== 'queued') return false
    if (turn === 'pass') this.#interlude.waitFor(decision.after)
    this.#decisions.take(decision)
    this.#state = 'waiting'
    this.#fresh = decision.fresh
    this.#reply.forgetInterims()
    this.#log.decided(decision.why)
    return true
  }

  onUndrained(): void {
    this.#dispatch?.abort()
  }

  onInterludeOver(): void {
    if (this.#state === 'waiting') this.#log.waited()
    if (this.#state === 'queued') this.#log.queued()
    if (this.#state === 'waiting' || this.#state === 'queued') this.#attempt()
  }

  // --- the one answer ---

  #commit(head: ResponseHead, why: Why): void {
    this.#log.decided(why)
    this.#state = 'answering'
    this.#body?.release()
    this.#deadlines.commit(head.fields)
    this.#reply.commit(head, why)
  }

  onData(chunk: Buffer): void {
    const draining = this.#interlude.draining
    if (draining) return draining.receive(chunk)
    if (this.#state !== 'answering') return
    this.#deadlines.active()
    if (this.#reply.write(chunk)) return
    this.#dispatch?.pause()
    this.#deadlines.clientBlocked(true)
  }

  /** Everything of one read was told: a head alone must not wait for its body, event streams may be silent for long. */
  onReadEnd(): void {
    if (this.#state === 'answering') this.#reply.flush()
  }

  /** The client took what was waiting. */
  onClientDrain(): void {
    if (this.#state !== 'answering') return
    this.#deadlines.clientBlocked(false)
    this.#dispatch?.resume()
  }

  onEnd(trailers: Fields): void {
    const draining = this.#interlude.draining
    if (draining) return draining.end()
    if (this.#reply.isRaw) return this.#reply.endRaw()
    if (this.#state !== 'answering') return
    this.#finish()
    this.#reply.end(trailers)
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    this.#attemptEnded('101')
    this.#origin.succeeded({ kind: 'answer', status: 101, fields: head.fields }, this.#log.dispatchedAt)
    this.#log.decided('final')
    this.#state = 'answering'
    this.#deadlines.end()
    if (this.#dispatch) this.#reply.upgrade(head, this.#dispatch)
    if (rest.length > 0) this.onData(rest)
  }

  onDrain(): void {
    this.#reply.resumeRaw()
  }

  /**
   * The answer of an earlier attempt, when it was read whole, says more than any fault (R10); but its "not applied" must
   * not stand for a later attempt that may have been. @param reached that later attempt came to the upstream
   */
  #giveHeld(why: Why, reached: boolean): boolean {
    const { held } = this.#interlude
    if (held === undefined || (reached && this.#class === 'bare')) return false
    this.#reply.giveHeld(held, why)
    this.#finish()
    return true
  }

  /** No attempt may be made, or none ended in time; what an earlier one answered comes first. */
  #refuse(refusal: OwnRefusal): void {
    if (this.#giveHeld('final', refusal.outcome === 'unknown')) return
    this.#end = refusal.code
    this.#reply.refuse(refusal)
    this.#finish()
  }

  #expired(what: Expiry): void {
    const state = this.#state
    const sent = state === 'trying' ? (this.#dispatch?.bytesSent ?? 0) > 0 : false
    this.#dispatch?.abort()
    if (state === 'answering') return this.#broken(timedOut('committed', what))
    const upstreamStalled = what === 'per-try' || (what === 'upload-stalled' && this.#body?.blocked)
    if (upstreamStalled) return this.onFault(timedOut('timeout', 'no answer within timeout.per_try'))
    this.#interlude.cancel()
    if (state === 'trying') this.#attemptEnded('http_response_timeout')
    if (what === 'upload-stalled') return this.#refuse(uploadStalled)
    // What a request that may not be repeated was refused for before, it was refused for unprocessed.
    const earlier = this.#class !== 'bare' && this.#log.count > 0
    this.#refuse(outOfTime(sent || earlier ? 'unknown' : 'not-sent'))
  }

  /**
   * The rest of the request is malformed: the upstream gets no more of it, and no clean end.
   * @returns false when the answer is on its way or done
   */
  clientBroke(code: OwnRefusal['code'], detail: string): boolean {
    if (this.#state === 'answering' || this.#state === 'over') return false
    const sent = this.#body?.started === true
    this.#dispatch?.abort()
    this.#end = code
    this.#reply.refuse({ code, detail, outcome: sent ? 'unknown' : 'not-sent' })
    this.#finish()
    return true
  }

  /** The client left: everything stops now (L9). @param reset it left with a TCP reset */
  clientGone(reset: boolean): void {
    if (this.#state === 'over') return
    if (!this.#reply.isRaw) this.#end = 'client-gone'
    this.#dispatch?.abort(reset)
    this.#finish()
  }

  #broken(fault: AttemptFault): void {
    if (!this.#reply.isRaw || fault.reset) this.#end = fault.fault
    this.#finish()
    this.#reply.break(fault)
  }

  /** Lets go of everything and writes the record; at most once. */
  #finish(): void {
    if (this.#state === 'over') return
    if (this.#state === 'waiting') this.#origin.refundRepeat()
    this.#state = 'over'
    this.#origin.abandon()
    this.#interlude.cancel()
    this.#deadlines.end()
    this.#body?.close()
    this.#log.ended()
    this.#services.record?.(this.#log.record(this.id, this.#plan, this.#request, this.#reply, this.#end, this.#body))
  }
}
