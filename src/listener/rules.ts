import type { Config, Route } from '../config/config.js'
import { createRouteTable, type RouteTable } from '../route/route-table.js'
import { millis } from '../time/units.js'
import type { ClientAccess } from './client-access.js'

/** One configuration, ready for use. A reload makes a new one; running exchanges keep theirs (F7). */
export type Rules = {
  readonly config: Config
  readonly routes: RouteTable<Route>
  readonly access: ClientAccess
}

export function createRules(config: Config, access: ClientAccess): Rules {
  return { config, access, routes: createRouteTable(config.routes) }
}

/** What a host without a route gets when `egress.unmatched` lets it pass: nothing is kept, repeated or judged. */
export const UNMATCHED: Route = {
  name: '-',
  match: { scheme: undefined, host: '*', port: undefined, path: undefined, methods: undefined },
  upstream: undefined,
  mount: undefined,
  preset: undefined,
  timeout: { total: millis(300_000), per_try: millis(300_000), connect: millis(10_000), idle: millis(300_000) },
  retry: undefined,
  cooldown: undefined,
  breaker: undefined,
  body: { memory: 0, spill: 0 },
}
