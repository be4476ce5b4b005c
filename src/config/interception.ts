import type { RouteTable } from '../route/route-table.js'
import type { Config, Route } from './config.js'

/**
 * Whether TLS may end here for hosts of this route; `undefined` when the route says nothing (F4). The catch-all names no
 * host: it is never decrypted unless the file says so in as many words.
 */
function interceptsTls(route: Route): boolean | undefined {
  if (route.tls === 'tunnel') return false
  if (route.tls === 'intercept') return true
  return route.match.host !== '*' && hasPolicies(route) ? true : undefined
}

const hasPolicies = ({
  retry,
  cooldown,
  breaker,
  upstream,
  credential,
  payment,
  idempotency,
  classify,
}: Route): boolean =>
  [retry, cooldown, breaker, upstream, credential, payment, idempotency].some(policy => policy !== undefined) ||
  classify.length > 0

/** Whether TLS of a CONNECT to this host ends here: the first route that has something to say decides. */
export function createInterception({ intercept }: Config, routes: RouteTable<Route>) {
  if (intercept.mode === 'off') return () => false
  const decides = (route: Route) => interceptsTls(route) !== undefined
  return (host: string, port: number): boolean => {
    const route = routes.findOfOrigin('https', host, port, decides)
    return route !== undefined && interceptsTls(route) === true
  }
}

/** The hosts, or `*.suffix` patterns, that may be intercepted: what the local CA must vouch for; `undefined`: any host. */
export function interceptHosts({ intercept, routes }: Config): readonly string[] | undefined {
  if (intercept.mode === 'off') return []
  const hosts = routes
    .filter(route => route.match.scheme !== 'http' && interceptsTls(route) === true)
    .map(route => route.match.host)
  return hosts.includes('*') ? undefined : [...new Set(hosts)]
}
