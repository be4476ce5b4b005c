import type { Config, Route } from '../config/config.js'
import { describeMatch, describeUpstream } from '../config/route-words.js'
import type { RouteCounts } from '../metrics/route-meter.js'
import type { RouteView } from '../serving/views.js'

const NOTHING: RouteCounts = { requests: 0, succeeded: 0, rescued: 0, attempts: 0, waited_s: 0 }

/** In the order of matching. */
export const routeViews = ({ routes }: Config, counts: ReadonlyMap<string, RouteCounts>): RouteView[] =>
  routes.map(route => routeView(route, counts.get(route.name) ?? NOTHING))

function routeView({ name, match, upstream, mount, credential, payment }: Route, counts: RouteCounts): RouteView {
  return {
    name,
    match: describeMatch(match),
    upstream: upstream === undefined ? null : describeUpstream(upstream),
    mount: mount ?? null,
    credential: credential ?? null,
    wallet: payment?.wallet ?? null,
    ...counts,
  }
}
