import type { Fields } from '../http/fields.js'
import type { Why } from '../policy/types.js'
import type { Clock } from '../time/clock.js'
import { type AttemptSink, Dispatch } from '../upstream/dispatch.js'
import type { AttemptFault } from '../upstream/to-fault.js'
import type { ResponseHead } from '../wire/events.js'
import { type Answered, answered } from './answered.js'
import type { Expiry } from './deadlines.js'
import type { Retry } from './decisions.js'
import { Ending } from './ending.js'
import { type ExchangeParts, exchangeParts } from './exchange-parts.js'
import type { HeldAnswer } from './held-answer.js'
import { type Inspected, TERMS_MAX } from './inspection.js'
import type { InterludeSink, Remedy } from './interlude.js'
import type { Verdict } from './keyed-request.js'
import type { ClientAnswer, MaybeBody, RequestHead } from './lane.js'
import type { Plan } from './plan.js'
import { cooldownFull, type OwnRefusal, outOfTime, timedOut, tokenUnavailable, uploadStalled } from './refusals.js'
import { reachedBy } from './respond.js'
import type { Services } from './services.js'

/** claiming: its key is looked up · inspecting: an answer is read before it is judged · waiting: between attempts */
type State = 'new' | 'claiming' | 'queued' | 'trying' | 'inspecting' | 'waiting' | 'answering' | 'over'

/**
 * One client request and its one answer: the only attempt loop there is (L1). Decisions are made by pure functions in
 * `policy/`; here they are asked for and carried out. No promises: a request that needs nothing special pays for nothing.
 */
export class Exchange implements AttemptSink, InterludeSink {
  readonly id: string
  readonly #clock: Clock
  readonly #parts: ExchangeParts
  #state: State = 'new'
  #dispatch: Dispatch | undefined
  readonly #ending: Ending
  #fresh = false

  constructor(services: Services, plan: Plan, request: RequestHead, body: MaybeBody, answer: ClientAnswer) {
    const id = services.newId()
    const parts = exchangeParts(services, id, plan, request, { body, answer }, this)
    this.id = id
    this.#clock = services.clock
    this.#parts = parts
    const over = () => {
      this.#state = 'over'
    }
    this.#ending = new Ending({ id, plan, request, parts, services }, over)
  }

  start(): void {
    const { keyed } = this.#parts
    if (keyed === undefined) return this.#enter()
    this.#state = 'claiming'
    keyed.prepare(verdict => this.#claimed(verdict))
  }

  /** An answer that is there already needs no attempt (I6). */
  #claimed(verdict: Verdict): void {
    if (this.#state === 'over') return
    if (verdict.act === 'go') return this.#enter()
    if (verdict.act === 'refuse') return this.#ending.refuse(verdict.refusal)
    this.#parts.keyed?.given(verdict.answer)
    this.#parts.reply.replay(verdict.answer, verdict.stored)
    this.#ending.finish(verdict.stored ? 'replayed' : 'shared')
  }

  #enter(): void {
    this.#parts.origin.countFirst()
    const turn = this.#parts.interlude.takeTurn(this.#parts.deadlines.total)
    if (turn === 'pass') this.#attempt()
    else if (turn === 'queued') this.#state = 'queued'
    else this.#ending.refuse(cooldownFull(this.#parts.upstream.origin, turn))
  }

  #attempt(): void {
    const order = this.#parts.orders.make(this.#parts.log.count + 1, this.#fresh)
    if (order === undefined) return this.#awaitToken()
    if ('code' in order) return this.#ending.refuse(order)
    this.#state = 'trying'
    this.#parts.log.begin()
    this.#dispatch = new Dispatch(this.#parts.upstream, order, this, this.#clock)
    this.#dispatch.start()
  }

  #awaitToken(): void {
    this.#state = 'waiting'
    this.#parts.authorization?.await(this.#parts.deadlines.total, unavailable => {
      if (unavailable === undefined) this.#attempt()
      else this.#ending.refuse(tokenUnavailable(unavailable))
    })
  }

  onDispatched(reused: boolean): void {
    this.#parts.log.dispatched(reused)
  }

  onSent(): void {
    if (this.#state === 'trying') this.#parts.log.sent(this.#parts.deadlines.awaitHead())
  }

  onInterim(head: ResponseHead): void {
    this.#parts.reply.inform(head)
  }

  onHead(head: ResponseHead): void {
    this.#attemptEnded(head)
    const { inspection, paid } = this.#parts
    if (!inspection?.begin(head, paid?.asks(head))) return this.#judge(head, answered(head), undefined)
    this.#state = 'inspecting'
  }

  onInspected({ head, classification, chunks, trailers }: Inspected): void {
    const body = trailers && Buffer.concat(chunks)
    this.#judge(head, answered(head, classification, this.#clock.now()), body)
    for (const chunk of chunks) this.onData(chunk)
    return trailers ? this.onEnd(trailers) : this.onReadEnd()
  }

  /** @param body of an answer that was read before; `undefined` when more of it is to come */
  #judge(head: ResponseHead, outcome: Answered, body: Buffer | undefined): void {
    const { authorization, paid, decisions, deadlines, origin, log } = this.#parts
    if (outcome.final || outcome.status < 400) origin.succeeded(outcome, log.dispatchedAt)
    else origin.failed(outcome, log.dispatchedAt)
    if (outcome.status < 400) return this.#commit(head, 'final')
    if (paid?.asks(head)) return this.#remedy(head, paid.remedy(head, body, decisions.repeatable), TERMS_MAX)
    const renewal = authorization?.remedy(head, decisions.repeatable, deadlines)
    if (renewal) return this.#remedy(head, renewal)
    const decision = decisions.decide(outcome)
    if (decision.act === 'return') return this.#commit(head, decision.why)
    if (!this.#repeat(decision)) return this.#commit(head, 'wait-too-long')
    paid?.presented({ ...outcome, body: undefined, complete: false })
    this.#parts.body?.halt()
    this.#parts.interlude.dispose(head)
  }

  /** The refused answer is kept while the remedy works. @param remedy or why there is none: then the answer is the client's */
  #remedy(head: ResponseHead, remedy: Remedy | Why, max?: number): void {
    if (typeof remedy === 'string') return this.#commit(head, remedy)
    this.#state = 'waiting'
    this.#parts.reply.forgetInterims()
    this.#parts.log.decided(remedy.why)
    this.#parts.body?.halt()
    this.#parts.interlude.waitForRemedy(remedy)
    this.#parts.interlude.dispose(head, max)
  }

  onFault(fault: AttemptFault): void {
    const { draining, mayBeGiven } = this.#parts.interlude
    if (draining && !mayBeGiven) return this.#parts.interlude.lostConnection()
    if (draining) this.onUndrained(draining)
    if (this.#state === 'answering') return this.#ending.broken(fault)
    this.#parts.inspection?.cancel()
    const outcome = { kind: 'fault', ...fault } as const
    const sent = reachedBy(outcome) === 'unknown'
    this.#attemptEnded(fault, sent)
    this.#dispatch = undefined
    this.#parts.origin.failed(outcome, this.#parts.log.dispatchedAt)
    const decision = this.#parts.decisions.decide(outcome)
    this.#parts.paid?.presented({ kind: 'fault', sent })
    if (decision.act === 'retry') return void this.#repeat(decision)
    this.#parts.log.decided(decision.why)
    this.#ending.giveFault(outcome, decision.why)
  }

  /** @param unanswered the upstream may have acted, and will not say so */
  #attemptEnded(end: ResponseHead | AttemptFault, unanswered = false): void {
    this.#parts.deadlines.attemptOver()
    this.#parts.log.outcome(end, this.#dispatch?.bytesSent ?? 0, unanswered)
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
    const [failedFor, kept] = [this.#parts.interlude.failedFor, this.#parts.paid?.kept]
    if (failedFor !== undefined && this.#ending.giveHeld(failedFor, false)) return
    if (kept) return this.#claimed({ act: 'replay', answer: kept, stored: true })
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
    if (this.#state === 'inspecting') return this.#parts.inspection?.receive(chunk)
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
    if (this.#state === 'inspecting') return this.#parts.inspection?.end(trailers)
    if (this.#state !== 'answering') return
    this.#parts.reply.complete()
    this.#ending.finish()
    this.#parts.reply.end(trailers)
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    this.#attemptEnded(head)
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

  onExpired(what: Expiry): void {
    const state = this.#state
    if (state === 'inspecting') return this.#parts.inspection?.giveUp()
    const sent = state === 'trying' && (this.#dispatch?.bytesSent ?? 0) > 0
    this.#dispatch?.abort()
    if (state === 'answering') return this.#ending.broken(timedOut('committed', what))
    const upstreamStalled = what === 'per-try' || (what === 'upload-stalled' && this.#parts.body?.blocked)
    if (upstreamStalled) return this.onFault(timedOut('timeout', 'no answer within timeout.per_try'))
    this.#parts.interlude.cancel()
    if (state === 'trying') this.#attemptEnded(timedOut('timeout', 'no answer in time'), sent)
    if (what === 'upload-stalled') return this.#ending.refuse(uploadStalled(this.#parts.log.reached))
    // What a request that may not be repeated was refused for before, it was refused for unprocessed.
    const earlier = this.#parts.nature.class !== 'bare' && this.#parts.log.count > 0
    this.#ending.refuse(outOfTime(sent || earlier ? 'unknown' : 'not-sent'))
  }

  /**
   * The rest of the request is malformed: the upstream gets no more of it, and no clean end.
   * @returns false when the answer is on its way or done
   */
  clientBroke(code: OwnRefusal['code'], detail: string): boolean {
    if (this.#state === 'answering' || this.#state === 'over') return false
    const sent = this.#parts.body?.started === true
    this.#dispatch?.abort()
    this.#ending.refuseAtOnce({ code, detail, outcome: sent ? this.#parts.log.reached : 'not-sent' })
    return true
  }

  /** The client left: everything stops now (L9). @param reset it left with a TCP reset */
  clientGone(reset: boolean): void {
    if (this.#state === 'over') return this.#parts.reply.detach()
    const [paid, keyed] = [this.#parts.paid?.outliveClient(), this.#parts.keyed?.outliveClient()]
    if (paid || keyed) return this.#goOnAlone()
    this.#dispatch?.abort(reset)
    this.#ending.finish(this.#parts.reply.isRaw ? undefined : 'client-gone')
  }

  /** What holds a claim or is paid for is not undone by leaving: its answer is kept for the next try (I9, P8). */
  #goOnAlone(): void {
    this.#parts.reply.detach()
    this.#parts.deadlines.clientLeft()
    this.onClientDrain()
  }
}
