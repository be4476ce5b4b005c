import { classify } from '../policy/method-class.js'
import type { MethodClass } from '../policy/types.js'
import type { Upstream } from '../upstream/upstream.js'
import type { Attendant } from './answer-witness.js'
import { AttemptLog } from './attempt-log.js'
import { type Authorization, authorizationFor } from './authorization.js'
import { Deadlines, type Expiry } from './deadlines.js'
import { Decisions } from './decisions.js'
import { type Inspected, Inspection } from './inspection.js'
import { Interlude, type InterludeSink } from './interlude.js'
import type { KeyedRequest } from './keyed-request.js'
import type { ClientAnswer, MaybeBody, RequestHead } from './lane.js'
import { NextOrder } from './next-order.js'
import { OriginView } from './origin-view.js'
import type { PaidRequest } from './paid-request.js'
import type { Plan } from './plan.js'
import { type RepeatableBody, repeatableBody } from './repeatable-body.js'
import { Reply } from './reply.js'
import type { Services } from './services.js'

/** What one exchange works with; each knows one thing, and the exchange what happens in which order. */
export type ExchangeParts = {
  readonly upstream: Upstream
  readonly origin: OriginView
  readonly nature: Nature
  readonly authorization: Authorization | undefined
  /** Undefined where the request has no business with idempotency keys. */
  readonly keyed: KeyedRequest | undefined
  /** Undefined where nothing is ever paid. */
  readonly paid: PaidRequest | undefined
  /** Undefined where no error may hide in an answer. */
  readonly inspection: Inspection | undefined
  readonly body: RepeatableBody | undefined
  readonly deadlines: Deadlines
  readonly decisions: Decisions
  readonly orders: NextOrder
  readonly log: AttemptLog
  readonly reply: Reply
  readonly interlude: Interlude
}

const NOBODY: readonly Attendant[] = []

/** What a repeat of the request risks; a key may change it until the first attempt. */
type Nature = { readonly class: MethodClass }

type Hears = InterludeSink & {
  readonly onExpired: (what: Expiry) => void
  readonly onInspected: (inspected: Inspected) => void
}

/** @param client where the request comes from and its answer goes @param hears the exchange itself */
export function exchangeParts(
  services: Services,
  id: string,
  plan: Plan,
  request: RequestHead,
  client: { readonly body: MaybeBody; readonly answer: ClientAnswer },
  hears: Hears,
): ExchangeParts {
  const { route } = plan
  const { clock, watch, upstreams, healths, pseudonym } = services
  const upstream = upstreams.get(plan.scheme, plan.host, plan.port)
  const authorization = authorizationFor(services, plan, request, upstream)
  const health = healths.get(upstream.origin, route)
  const origin = new OriginView(upstream.origin, health, route, request.fields, clock, authorization?.print)
  const deadlines = new Deadlines(watch, clock, route.timeout, what => hears.onExpired(what))
  const body = client.body && repeatableBody(client.body, request.framing, route, services, deadlines)
  const log = new AttemptLog(clock)
  const { classify: rules } = route
  const paid = services.payments?.request({ id, services, plan, request, upstream, body, deadlines })
  const looks = rules.length > 0 || paid !== undefined
  const inspection = looks ? new Inspection(rules, request.method, found => hears.onInspected(found)) : undefined
  const keyed =
    route.idempotency &&
    services.idempotency?.request({
      services,
      plan,
      request,
      origin: upstream.origin,
      authorization,
      body,
      deadlines,
      log,
      inspection,
    })
  const nature = keyed ?? { class: classify(request.method, 'none') }
  const attendants = keyed || paid ? [keyed, paid].filter(attendant => attendant !== undefined) : NOBODY
  return {
    upstream,
    origin,
    nature,
    authorization,
    keyed,
    paid,
    inspection,
    body,
    deadlines,
    decisions: new Decisions({ services, route, nature, origin, deadlines, log, body }),
    orders: new NextOrder({ plan, request, body, nature, keyed, paid, origin, authorization, pseudonym }),
    log,
    reply: new Reply(client.answer, id, request.method, pseudonym, route.retry, log, attendants),
    interlude: new Interlude(clock, origin, hears),
  }
}

/** Lets go of everything that an exchange holds. */
export function closeParts(parts: ExchangeParts): void {
  parts.origin.refundRepeat()
  parts.origin.abandon()
  parts.authorization?.cancel()
  parts.keyed?.close()
  parts.paid?.close()
  parts.inspection?.cancel()
  parts.interlude.cancel()
  parts.deadlines.end()
  parts.body?.close()
  parts.log.ended()
}
