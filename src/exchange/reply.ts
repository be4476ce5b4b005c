import { type Fields, fieldValue } from '../http/fields.js'
import { answerFields } from '../http/hop-by-hop.js'
import { viaValue } from '../http/via.js'
import type { StoredAnswer } from '../idempotency/stored-answer.js'
import { isExhaustion } from '../policy/retry.js'
import type { RetrySettings } from '../policy/settings.js'
import type { Outcome, Why } from '../policy/types.js'
import type { Dispatch } from '../upstream/dispatch.js'
import type { AttemptFault } from '../upstream/to-fault.js'
import type { ResponseHead } from '../wire/events.js'
import type { Attendant } from './answer-witness.js'
import type { AttemptLog } from './attempt-log.js'
import type { HeldAnswer } from './held-answer.js'
import type { ClientAnswer, RawClient } from './lane.js'
import {
  faultAnswer,
  type OwnAnswer,
  passedFields,
  type Reached,
  type Refusal,
  reachedBy,
  refusalAnswer,
} from './respond.js'
import { NOBODY, WithheldAnswer } from './withheld-answer.js'

/** The upstream's side of an upgraded connection. */
type RawUpstream = Pick<Dispatch, 'writeRaw' | 'endRaw' | 'resume'>

/** The one answer of an exchange, on its way to the client. */
export class Reply {
  /** What the client got; 0 while it got nothing. */
  status = 0
  bytes = 0
  #answer: ClientAnswer
  readonly #id: string
  readonly #method: string
  readonly #pseudonym: string
  readonly #retry: RetrySettings | undefined
  readonly #log: AttemptLog
  readonly #attendants: readonly Attendant[]
  #interims: ResponseHead[] = []
  #raw: RawClient | undefined

  constructor(
    answer: ClientAnswer,
    id: string,
    method: string,
    pseudonym: string,
    retry: RetrySettings | undefined,
    log: AttemptLog,
    attendants: readonly Attendant[],
  ) {
    this.#answer = answer
    this.#id = id
    this.#method = method
    this.#pseudonym = pseudonym
    this.#retry = retry
    this.#log = log
    this.#attendants = attendants
  }

  /** A 1xx answer. While its attempt may be repeated the client must not see hints of an answer it never gets (L12). */
  inform(head: ResponseHead): void {
    if (this.#retry === undefined) this.#inform(head)
    else this.#interims.push(head)
  }

  /** What the attempt hinted at is void. */
  forgetInterims(): void {
    this.#interims = []
  }

  /** The first byte of the final head: from here on the outcome is final (L8). */
  commit(head: ResponseHead, why: Why): void {
    for (const interim of this.#interims) this.#inform(interim)
    this.status = head.status
    for (const { witness } of this.#attendants) witness?.begin(head)
    this.#begin(head.status, head.reason, this.#fieldsOf(head, why), bodyLength(head))
  }

  #begin(status: number, reason: string, fields: string[], length: number | undefined): void {
    for (const { witness } of this.#attendants)
      if (witness?.whenWritten) this.#answer = new WithheldAnswer(this.#answer, witness.whenWritten)
    this.#answer.begin(status, reason, fields, length)
  }

  #inform({ status, reason, fields, version }: ResponseHead): void {
    this.#answer.inform(status, reason, answerFields(fields, viaValue(this.#pseudonym, version)))
  }

  /** Lets a head go out that has no body yet. */
  flush(): void {
    this.#answer.flush()
  }

  /** @returns false when the upstream should be paused until the client drains */
  write(chunk: Buffer): boolean {
    this.bytes += chunk.length
    for (const { witness } of this.#attendants) witness?.data(chunk)
    return this.#raw ? this.#raw.write(chunk) : this.#answer.write(chunk)
  }

  /** The upstream's answer is whole; `end` tells the client. */
  complete(): void {
    for (const { witness } of this.#attendants) witness?.end()
  }

  /** It broke off; `break` shows the client. */
  incomplete(): void {
    for (const { witness } of this.#attendants) witness?.broke()
  }

  end(trailers: Fields): void {
    this.#answer.end(trailers)
  }

  /** The answer of an earlier attempt, byte for byte (R10). */
  giveHeld({ head, body }: HeldAnswer, why: Why): void {
    for (const { witness } of this.#attendants) {
      witness?.begin(head)
      for (const chunk of body) witness?.data(chunk)
      witness?.end()
    }
    this.#give(head.status, head.reason, this.#fieldsOf(head, why), body)
  }

  /** No attempt gave an answer. */
  giveFault(outcome: Outcome & { readonly kind: 'fault' }): void {
    const reached = this.#log.mayHaveActed ? 'unknown' : reachedBy(outcome)
    this.#giveOwn(faultAnswer(outcome, this.#id, this.#log.records, reached), reached)
  }

  refuse(refusal: Omit<Refusal, 'exchange'>): void {
    this.#giveOwn(refusalAnswer({ ...refusal, exchange: this.#id }), refusal.outcome)
  }

  /** An answer that an earlier request with the same key was given. @param stored not only waited for */
  replay({ status, reason, fields, body }: StoredAnswer, stored: boolean): void {
    const given = answerFields(fields, viaValue(this.#pseudonym, '1.1'))
    if (status !== 204) given.push('Content-Length', String(body.length))
    if (stored) given.push('Idempotent-Replayed', 'true')
    this.#give(status, reason, given, this.#method === 'HEAD' ? [] : [body])
  }

  /** The client left, and the exchange goes on without it (I9), or is over and only its last bytes wait. */
  detach(): void {
    if (this.#answer instanceof WithheldAnswer) this.#answer.drop()
    this.#answer = NOBODY
  }

  #giveOwn({ status, reason, fields, body }: OwnAnswer, reached: Reached | undefined): void {
    for (const { witness } of this.#attendants) witness?.refused(reached ?? 'not-sent')
    // SDKs that repeat by themselves must not, when the upstream may have acted.
    if (this.#retry?.tell_client && reached === 'unknown') fields.push('x-should-retry', 'false')
    this.#give(status, reason, fields, this.#method === 'HEAD' ? [] : [body])
  }

  /** The 101: from here on bytes pass both ways. */
  upgrade(head: ResponseHead, upstream: RawUpstream): void {
    const fields = passedFields(head, this.#pseudonym, this.#log.records, undefined)
    fields.push('Connection', 'Upgrade', 'Upgrade', fieldValue(head.fields, 'upgrade') ?? '')
    this.status = head.status
    this.#raw = this.#answer.upgrade(head.status, head.reason, fields, {
      onData: chunk => {
        if (!upstream.writeRaw(chunk)) this.#raw?.pause()
      },
      onEnd: () => upstream.endRaw(),
      onDrain: () => upstream.resume(),
    })
  }

  get isRaw(): boolean {
    return this.#raw !== undefined
  }

  /** Raw mode: the upstream sends no more. */
  endRaw(): void {
    this.#raw?.end()
  }

  resumeRaw(): void {
    this.#raw?.resume()
  }

  /** What is broken must look broken: no clean end of a truncated answer, and a reset stays a reset (L8, FP-18). */
  break(fault: AttemptFault): void {
    if (this.#raw === undefined) this.#answer.abort()
    else if (fault.reset) this.#raw.reset()
    else this.#raw.end()
  }

  #give(status: number, reason: string, fields: string[], body: readonly Buffer[]): void {
    this.status = status
    this.bytes = body.reduce((sum, chunk) => sum + chunk.length, 0)
    this.#begin(status, reason, fields, this.bytes)
    for (const chunk of body) this.#answer.write(chunk)
    this.#answer.end([])
  }

  #note(why: Why): string | undefined {
    if (why === 'not-paid') return this.#attendants.find(({ note }) => note !== undefined)?.note
    return noteFor(why, this.#log.count)
  }

  #fieldsOf(head: ResponseHead, why: Why): string[] {
    const fields = passedFields(head, this.#pseudonym, this.#log.records, this.#note(why))
    // R10: an SDK behind us should not start over where we gave up.
    if (this.#retry?.tell_client && isExhaustion(why) && fieldValue(fields, 'x-should-retry') === undefined) {
      fields.push('x-should-retry', 'false')
    }
    return fields
  }
}

/** L3: a body that could not be kept is said, never silently passed over; so is an empty budget. */
function noteFor(why: Why, attempts: number): string | undefined {
  if (why === 'body-not-kept') return `retry=off; reason=${why}`
  return isExhaustion(why) && attempts === 1 ? `retry=off; reason=${why}` : undefined
}

/** The length of the body as it will go to the client; `undefined` when only its end will tell. */
function bodyLength({ framing }: ResponseHead): number | undefined {
  if (framing.kind === 'length') return framing.length
  return framing.kind === 'none' ? 0 : undefined
}
