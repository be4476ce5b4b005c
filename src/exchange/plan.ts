import type { Route } from '../config/config.js'
import { viaValue } from '../http/via.js'
import type { MethodClass } from '../policy/types.js'
import type { Order } from '../upstream/dispatch.js'
import type { RequestHead } from './lane.js'
import type { Mode } from './record.js'
import type { RepeatableBody } from './repeatable-body.js'

/** Where a request goes and under which rules, decided before the exchange begins. */
export type Plan = {
  readonly route: Route
  readonly mode: Mode
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** As it goes into `Host`. */
  readonly authority: string
  /** Path and query at the upstream. */
  readonly path: string
}

/** What one attempt is to send: the client's request, hop-by-hop fields removed, and only what the route adds. */
export function orderFor(
  { route, path, authority }: Plan,
  request: RequestHead,
  body: RepeatableBody | undefined,
  attempt: {
    readonly number: number
    readonly fresh: boolean
    readonly class: MethodClass
    readonly pseudonym: string
  },
): Order {
  const { method, fields, framing, upgrade } = request
  // Once the body has been asked for, the client waits for nothing any more (L6).
  const expect = request.expect && body?.started === false
  const extra = ['Via', viaValue(attempt.pseudonym)]
  if (expect) extra.push('Expect', '100-continue')
  if (route.retry?.attempt_header !== undefined) extra.push(route.retry.attempt_header, String(attempt.number))
  return {
    method,
    path,
    authority,
    fields,
    framing,
    extra,
    upgrade,
    body,
    expect,
    fresh: attempt.fresh,
    trusted: attempt.class === 'bare',
    connectTimeout: route.timeout.connect,
  }
}
