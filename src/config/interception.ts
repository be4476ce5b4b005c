import type { Config, Route } from './config.js'

/**
 * Whether TLS may end here for hosts of this route; `undefined` when the route says nothing (F4). The catch-all names no
 * host: it is never decrypted unless the file says so in as many words.
 */
export function interceptsTls(route: Route): boolean | undefined {
  if (route.tls === 'tunnel') return false
  if (route.tls === 'intercept') return true
  return route.match.host !== '*' && hasPolicies(route) ? true : undefined
}

const hasPolicies = ({ retry, cooldown, breaker, upstream }: Route): boolean =>
  [retry, cooldown, breaker, upstream].some(policy => policy !== undefined)

/** The hosts, or `*.suffix` patterns, that may be intercepted: what the local CA must vouch for; `undefined`: any host. */
export function interceptHosts({ intercept, routes }: Config): readonly string[] | undefined {
  if (intercept.mode === 'off') return []
  const hosts = routes
    .filter(route => route.match.scheme !== 'http' && interceptsTls(route) === true)
    .map(route => route.match.host)
  return hosts.includes('*') ? undefined : [...new Set(hosts)]
}
