import { hash } from 'node:crypto'
import { type Fields, fieldValue } from '../http/fields.js'
import type { Asked, Opened } from '../idempotency/asked.js'
import type { Claim } from '../idempotency/claim.js'
import type { Claims } from '../idempotency/claims.js'
import { bucketOf, fingerprintOf, keyHintOf, keyPrintOf, lookupOf, scopeOf } from '../idempotency/lookup.js'
import type { MintedKeys } from '../idempotency/minted-keys.js'
import type { StoredAnswer } from '../idempotency/stored-answer.js'
import { canonical } from '../json/canonical.js'
import type { IdempotencySettings, ReplaySettings } from '../policy/idempotency-settings.js'
import { classify } from '../policy/method-class.js'
import { readdress } from '../policy/replay-dialect.js'
import type { MethodClass } from '../policy/types.js'
import type { Cancel } from '../time/clock.js'
import type { AnswerWitness } from './answer-witness.js'
import type { AttemptLog } from './attempt-log.js'
import type { Authorization } from './authorization.js'
import { ClaimedAnswer } from './claimed-answer.js'
import type { Deadlines } from './deadlines.js'
import { type GatheredBody, gatherBody } from './gathered-body.js'
import type { Inspection } from './inspection.js'
import type { RequestHead } from './lane.js'
import type { Plan } from './plan.js'
import { withoutQuery } from './record.js'
import {
  keyInFlight,
  keyReused,
  type OwnRefusal,
  outcomeUnknown,
  resultNotKept,
  storeUnavailable,
  tooManyKeys,
} from './refusals.js'
import type { RepeatableBody } from './repeatable-body.js'
import { type Carried, KeyFinder, type RequestKey } from './request-key.js'
import type { Services } from './services.js'

/** What keyed requests share; there when a route has `idempotency`. */
export type Idempotency = {
  /** What knows one exchange's key: through here, so that a daemon without such a route loads none of it. */
  readonly request: typeof keyedRequest
  /** Of this installation (I4). */
  readonly secret: Buffer
  readonly minted: MintedKeys
  readonly claims: Claims
}

/** What is to become of a keyed request. */
export type Verdict =
  | { readonly act: 'go' }
  | { readonly act: 'replay'; readonly answer: StoredAnswer; readonly stored: boolean }
  | { readonly act: 'refuse'; readonly refusal: OwnRefusal }

type Ground = {
  readonly services: Pick<Services, 'bodyMemory' | 'clock' | 'idempotency' | 'unattended'>
  readonly plan: Plan
  readonly request: RequestHead
  /** The upstream's, as a URL has it. */
  readonly origin: string
  readonly authorization: Authorization | undefined
  readonly body: RepeatableBody | undefined
  readonly deadlines: Deadlines
  readonly log: AttemptLog
  readonly inspection: Inspection | undefined
}

/** `undefined` where idempotency keys are none of the request's business. */
export function keyedRequest(ground: Ground): KeyedRequest | undefined {
  const { plan, request, services } = ground
  const settings = plan.route.idempotency
  if (settings === undefined || services.idempotency === undefined) return undefined
  if (!settings.methods.includes(request.method) || request.upgrade !== undefined) return undefined
  // Its calls may be conversations, which cannot be read ahead, and what an answer means stands in its trailers.
  if (isGrpc(request.fields)) return undefined
  return new KeyedRequest(ground, settings, services.idempotency)
}

const isGrpc = (fields: Fields): boolean =>
  /^application\/grpc(?![^+; \t])/i.test(fieldValue(fields, 'content-type') ?? '')

const GO: Verdict = { act: 'go' }

/** One exchange's use of an idempotency key: what it is, what it unlocks, and the claim that it holds (I1 to I9). */
export class KeyedRequest {
  /** What a repeat risks; known once the request is prepared. */
  class: MethodClass
  readonly #ground: Ground
  readonly #settings: IdempotencySettings
  readonly #shared: Idempotency
  #key: RequestKey | undefined
  #cancel: Cancel | undefined
  #answer: ClaimedAnswer | undefined
  #leave: (() => void) | undefined
  #closed = false

  constructor(ground: Ground, settings: IdempotencySettings, shared: Idempotency) {
    this.#ground = ground
    this.#settings = settings
    this.#shared = shared
    this.class = classify(ground.request.method, 'none')
  }

  /** For the log: the beginning of the key; `undefined` without one. */
  get hint(): string | undefined {
    return this.#key && keyHintOf(this.#key.value)
  }

  get witness(): AnswerWitness | undefined {
    return this.#answer
  }

  get carried(): Carried | undefined {
    return this.#key?.carried
  }

  /** The client leaves. @returns whether the call goes on without it: there is a claim (I9) */
  outliveClient(): boolean {
    if (this.#answer === undefined) return false
    this.#leave ??= this.#ground.services.unattended.enter()
    return true
  }

  /** Finds the key, reads the body where it must be known, and asks for the claim. @param done called once, unless closed */
  prepare(done: (verdict: Verdict) => void): void {
    const { plan, request, services, body, authorization } = this.#ground
    const { secret, minted } = this.#shared
    const scope = scopeOf(secret, {
      credential: authorization?.ours ? authorization.print : undefined,
      fields: request.fields,
      tenants: this.#settings.replay?.scope ?? [],
      loopback: !plan.shared,
    })
    const { clock } = services
    const settings = this.#settings
    const finder = new KeyFinder({ plan, request, settings, scope: scope ?? '', secret, minted, clock })
    if (!finder.needsBody) return this.#found(finder.find(undefined), undefined, scope, done)
    gatherBody(body, finder.readsBody ? plan.route.body.memory : 0, gathered => {
      if (!this.#closed) this.#found(finder.find(gathered), gathered, scope, done)
    })
  }

  #found(
    key: RequestKey | undefined,
    body: GatheredBody | undefined,
    scope: string | undefined,
    done: (verdict: Verdict) => void,
  ): void {
    const { replay, upstream } = this.#settings
    const { request, plan } = this.#ground
    this.#key = key
    if (key === undefined) return done(GO)
    if (plan.route.retry?.non_idempotent !== 'never') this.class = classify(request.method, upstream)
    const { claims } = this.#shared
    if (key.minted || replay === undefined || body === undefined || scope === undefined) {
      return done(GO)
    }
    this.#cancel = claims.open(this.#asked(key.value, body, scope, replay), opened => {
      this.#cancel = undefined
      if (!this.#closed) done(this.#opened(opened, replay, body))
      else if (opened.kind === 'claimed') opened.claim.release(undefined)
    })
  }

  #asked(key: string, body: GatheredBody, scope: string, rules: ReplaySettings): Asked {
    const { plan, request, origin, deadlines } = this.#ground
    const { secret } = this.#shared
    const path = withoutQuery(plan.path)
    const route = plan.route.name
    const { method } = request
    const mediaType = fieldValue(request.fields, 'content-type') ?? ''
    const text = rules.fingerprint === 'jcs' && body.bytes ? canonical(body.bytes, rules.ignore) : undefined
    const digest = text === undefined ? body.digest : hash('sha256', text, 'hex')
    return {
      lookup: lookupOf(secret, { route, origin, scope, method, path, key }),
      fingerprint: fingerprintOf(plan.path.slice(path.length), mediaType, text === undefined ? 'bytes' : 'jcs', digest),
      bucket: bucketOf(route, scope),
      about: { route, origin, method, keyPrint: keyPrintOf(secret, key), keyHint: keyHintOf(key) },
      rules,
      uncertain: this.#whenUncertain(rules),
      dueAt: deadlines.total,
    }
  }

  #whenUncertain({ on_uncertain }: ReplaySettings): Asked['uncertain'] {
    if (on_uncertain !== 'auto') return on_uncertain
    return this.#settings.upstream === 'none' ? 'block' : 'resume'
  }

  #opened(opened: Opened, settings: ReplaySettings, body: GatheredBody): Verdict {
    switch (opened.kind) {
      case 'claimed':
        this.#answer = this.#claimed(opened.claim, settings)
        return GO
      case 'replay':
      case 'shared': {
        const answer = readdress(opened.answer, settings.dialect, body.bytes, opened.kind === 'replay')
        return { act: 'replay', answer, stored: opened.kind === 'replay' }
      }
      case 'reused':
        return refuse(keyReused)
      case 'in-flight':
        return refuse(keyInFlight(opened.retryAfter))
      case 'unknown':
        return refuse(outcomeUnknown)
      case 'no-body':
        return refuse(resultNotKept(opened.status))
      case 'insert-rate':
        return refuse(tooManyKeys(opened.retryAfter))
      case 'store-failed':
        return refuse(storeUnavailable(opened.error))
    }
  }

  #claimed(claim: Claim, settings: ReplaySettings): ClaimedAnswer {
    const { plan, services, log, inspection } = this.#ground
    return new ClaimedAnswer(claim, {
      settings,
      classify: plan.route.classify,
      dedups: this.#settings.upstream !== 'none',
      now: () => services.clock.now(),
      foundIn: head => inspection?.foundIn(head),
      earlierUnknown: () => log.mayHaveActed,
      memory: services.bodyMemory,
    })
  }

  /** The client is given what it bought before (P8): to a claim that was made meanwhile it is the answer. */
  given(answer: StoredAnswer): void {
    this.#answer?.given(answer)
  }

  /** The exchange is over; what became of a claim that was not told how, because of a bug, nobody knows. */
  close(): void {
    this.#closed = true
    this.#answer?.broke()
    this.#cancel?.()
    this.#leave?.()
  }
}

const refuse = (refusal: OwnRefusal): Verdict => ({ act: 'refuse', refusal })
