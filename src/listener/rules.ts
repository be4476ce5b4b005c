import type { Config, Route } from '../config/config.js'
import { createInterception } from '../config/interception.js'
import { createRouteTable, type RouteTable } from '../route/route-table.js'
import { millis } from '../time/units.js'
import type { ClientAccess } from './client-access.js'

/** One configuration, ready for use. A reload makes a new one; running exchanges keep theirs (F7). */
export type Rules = {
  readonly config: Config
  readonly routes: RouteTable<Route>
  readonly access: ClientAccess
  /** TLS of a CONNECT to this host ends here (F4). */
  readonly intercepts: (host: string, port: number) => boolean
}

export function createRules(config: Config, access: ClientAccess): Rules {
  const routes = createRouteTable(config.routes)
  return {
    config,
    access,
    routes,
    intercepts: createInterception(config, routes),
  }
}

/** What a host without a route gets when `egress.unmatched` lets it pass: nothing is kept, repeated or judged. */
export const UNMATCHED: Route = {
  name: '-',
  match: { scheme: undefined, host: '*', port: undefined, path: undefined, methods: undefined },
  upstream: undefined,
  mount: undefined,
  preset: undefined,
  tls: 'auto',
  timeout: { total: millis(300_000), per_try: millis(300_000), connect: millis(10_000), idle: millis(300_000) },
  retry: undefined,
  cooldown: undefined,
  breaker: undefined,
  body: { memory: 0, spill: 0 },
  credential: undefined,
  payment: undefined,
  idempotency: undefined,
  classify: [],
}
