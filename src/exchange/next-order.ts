import { viaValue } from '../http/via.js'
import type { MethodClass } from '../policy/types.js'
import type { Order } from '../upstream/dispatch.js'
import type { Authorization, Authorized } from './authorization.js'
import type { RequestHead } from './lane.js'
import type { OriginView } from './origin-view.js'
import type { Plan } from './plan.js'
import { breakerOpen, type OwnRefusal, tokenUnfit } from './refusals.js'
import type { RepeatableBody } from './repeatable-body.js'

/** What an exchange sends, attempt by attempt; made once, asked before each. */
export class NextOrder {
  readonly #plan: Plan
  readonly #request: RequestHead
  readonly #body: RepeatableBody | undefined
  readonly #class: MethodClass
  readonly #origin: OriginView
  readonly #authorization: Authorization | undefined
  readonly #pseudonym: string
  /** Without a credential: as the client sent it. */
  readonly #plain: Authorized

  constructor(
    plan: Plan,
    request: RequestHead,
    body: RepeatableBody | undefined,
    methodClass: MethodClass,
    origin: OriginView,
    authorization: Authorization | undefined,
    pseudonym: string,
  ) {
    this.#plan = plan
    this.#request = request
    this.#body = body
    this.#class = methodClass
    this.#origin = origin
    this.#authorization = authorization
    this.#pseudonym = pseudonym
    this.#plain = { fields: request.fields, path: plan.path }
  }

  /**
   * The client's request, hop-by-hop fields left out when it is written, and only what the route adds; or why there can be
   * no attempt; or `undefined` while a token must be waited for.
   */
  make(number: number, fresh: boolean): Order | OwnRefusal | undefined {
    const authorized = this.#authorization ? this.#authorization.prepare() : this.#plain
    if (authorized === undefined) return undefined
    if (typeof authorized === 'string') return tokenUnfit(authorized)
    const admission = this.#origin.admit()
    if (!admission.admit) return breakerOpen(this.#origin.name, admission.retryAfter)
    const { route, authority } = this.#plan
    const { method, framing, upgrade } = this.#request
    const body = this.#body
    // Once the body has been asked for, the client waits for nothing any more (L6).
    const expect = this.#request.expect && body?.started === false
    const extra = ['Via', viaValue(this.#pseudonym)]
    if (expect) extra.push('Expect', '100-continue')
    if (route.retry?.attempt_header !== undefined) extra.push(route.retry.attempt_header, String(number))
    return {
      method,
      path: authorized.path,
      authority,
      fields: authorized.fields,
      framing,
      extra,
      upgrade,
      body,
      expect,
      fresh,
      trusted: this.#class === 'bare',
      connectTimeout: route.timeout.connect,
    }
  }
}
