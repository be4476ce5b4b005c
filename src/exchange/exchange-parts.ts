import { classify } from '../policy/method-class.js'
import type { MethodClass } from '../policy/types.js'
import type { Upstream } from '../upstream/upstream.js'
import { AttemptLog } from './attempt-log.js'
import { type Authorization, authorizationFor } from './authorization.js'
import { Deadlines, type Expiry } from './deadlines.js'
import { Decisions } from './decisions.js'
import { Interlude, type InterludeSink } from './interlude.js'
import type { ClientAnswer, MaybeBody, RequestHead } from './lane.js'
import { NextOrder } from './next-order.js'
import { OriginView } from './origin-view.js'
import type { Plan } from './plan.js'
import { type RepeatableBody, repeatableBody } from './repeatable-body.js'
import { Reply } from './reply.js'
import type { Services } from './services.js'

/** What one exchange works with; each knows one thing, and the exchange what happens in which order. */
export type ExchangeParts = {
  readonly upstream: Upstream
  readonly origin: OriginView
  readonly class: MethodClass
  readonly authorization: Authorization | undefined
  readonly body: RepeatableBody | undefined
  readonly deadlines: Deadlines
  readonly decisions: Decisions
  readonly orders: NextOrder
  readonly log: AttemptLog
  readonly reply: Reply
  readonly interlude: Interlude
}

/** @param client where the request comes from and its answer goes @param hears the exchange itself */
export function exchangeParts(
  services: Services,
  id: string,
  plan: Plan,
  request: RequestHead,
  client: { readonly body: MaybeBody; readonly answer: ClientAnswer },
  hears: InterludeSink & { readonly onExpired: (what: Expiry) => void },
): ExchangeParts {
  const { route } = plan
  const { clock, watch, upstreams, healths, pseudonym } = services
  const upstream = upstreams.get(plan.scheme, plan.host, plan.port)
  const authorization = authorizationFor(services, plan, request, upstream)
  const health = healths.get(upstream.origin, route)
  const origin = new OriginView(upstream.origin, health, route, request.fields, clock, authorization?.print)
  const methodClass = classify(request.method, false)
  const deadlines = new Deadlines(watch, clock, route.timeout, what => hears.onExpired(what))
  const body = client.body && repeatableBody(client.body, request.framing, route, services, deadlines)
  const log = new AttemptLog(clock)
  return {
    upstream,
    origin,
    class: methodClass,
    authorization,
    body,
    deadlines,
    decisions: new Decisions({ services, route, class: methodClass, origin, deadlines, log, body }),
    orders: new NextOrder(plan, request, body, methodClass, origin, authorization, pseudonym),
    log,
    reply: new Reply(client.answer, id, request.method, pseudonym, route.retry, log),
    interlude: new Interlude(clock, origin, hears),
  }
}
