import { viaValue } from '../http/via.js'
import type { MethodClass } from '../policy/types.js'
import type { Order } from '../upstream/dispatch.js'
import type { PaymentField } from '../x402/payment-field.js'
import type { Authorization, Authorized } from './authorization.js'
import type { RequestHead } from './lane.js'
import type { OriginView } from './origin-view.js'
import type { Plan } from './plan.js'
import { breakerOpen, type OwnRefusal, tokenUnfit } from './refusals.js'
import type { RepeatableBody } from './repeatable-body.js'
import type { Carried } from './request-key.js'

/** What orders are made of; all of it is one exchange's. */
type Ground = {
  readonly plan: Plan
  readonly request: RequestHead
  readonly body: RepeatableBody | undefined
  readonly nature: { readonly class: MethodClass }
  readonly keyed: { readonly carried: Carried | undefined } | undefined
  readonly paid: { readonly field: PaymentField | undefined } | undefined
  readonly origin: OriginView
  readonly authorization: Authorization | undefined
  readonly pseudonym: string
}

/** What an exchange sends, attempt by attempt; made once, asked before each. */
export class NextOrder {
  readonly #ground: Ground
  /** Without a credential: as the client sent it. */
  readonly #plain: Authorized

  constructor(ground: Ground) {
    this.#ground = ground
    this.#plain = { fields: ground.request.fields, path: ground.plan.path }
  }

  /**
   * The client's request, hop-by-hop fields left out when it is written, and only what the route adds; or why there can be
   * no attempt; or `undefined` while a token must be waited for.
   */
  make(number: number, fresh: boolean): Order | OwnRefusal | undefined {
    const { plan, request, nature, keyed, paid, origin, authorization, pseudonym } = this.#ground
    const authorized = authorization ? authorization.prepare() : this.#plain
    if (authorized === undefined) return undefined
    if (typeof authorized === 'string') return tokenUnfit(authorized)
    const admission = origin.admit()
    if (!admission.admit) return breakerOpen(origin.name, admission.retryAfter)
    const { route, authority } = plan
    const { method, upgrade } = request
    const carried = keyed?.carried
    const body = carried?.body ?? this.#ground.body
    // Once the body has been asked for, the client waits for nothing any more (L6).
    const expect = request.expect && this.#ground.body?.started === false
    const extra = ['Via', viaValue(pseudonym, request.version)]
    if (expect) extra.push('Expect', '100-continue')
    if (route.retry?.attempt_header !== undefined) extra.push(route.retry.attempt_header, String(number))
    if (carried?.field) extra.push(...carried.field)
    const payment = paid?.field
    if (payment) extra.push(payment.name, payment.value)
    return {
      method,
      path: authorized.path,
      authority,
      fields: authorized.fields,
      framing: body?.framing ?? request.framing,
      extra,
      upgrade,
      body,
      expect,
      fresh,
      trusted: nature.class === 'bare',
      connectTimeout: route.timeout.connect,
    }
  }
}
