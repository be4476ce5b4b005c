import type { Match } from '../route/match.js'
import { hostFits } from '../route/pattern.js'
import { formatMillis } from '../time/units.js'
import { errorAt, type Finding, warningAt } from './findings.js'
import type { RouteFile } from './schema.js'

/** Checks within each route, and between them. */
export function checkRoutes(routes: readonly RouteFile[]): Finding[] {
  const found = routes.flatMap((route, index) => [...checkRoute(route, index), ...checkReach(routes, index)])
  return [...found, ...checkDuplicates(routes), ...checkMounts(routes)]
}

function checkRoute(route: RouteFile, index: number): Finding[] {
  const at = (...keys: string[]): PropertyKey[] => ['routes', index, ...keys]
  const findings: Finding[] = []
  const { timeout, retry } = route
  const total = formatMillis(timeout.total)
  if (timeout.connect > timeout.total) {
    findings.push(errorAt(at('timeout', 'connect'), `${formatMillis(timeout.connect)} is longer than total (${total})`))
  }
  if (timeout.per_try > timeout.total) {
    const message = `${formatMillis(timeout.per_try)} is longer than total (${total}), so total ends the first try`
    findings.push(warningAt(at('timeout', 'per_try'), message))
  }
  if (timeout.per_try === timeout.total && retry !== undefined && retry.attempts > 1) {
    const message = `${total} is all of total, so a try that times out leaves no time for another; make it shorter`
    findings.push(warningAt(at('timeout', 'per_try'), message))
  }
  if (route.mount !== undefined && route.upstream === undefined) {
    findings.push(errorAt(at('mount'), 'a mount needs upstream: the URL that its requests go to'))
  }
  if (route.body.spill > 0 && route.body.spill < route.body.memory) {
    findings.push(errorAt(at('body', 'spill'), 'is less than memory; more than memory, or 0B for no file'))
  }
  if (retry !== undefined) findings.push(...checkRetry(route, retry, at))
  return findings
}

type Retry = NonNullable<RouteFile['retry']>

function checkRetry(route: RouteFile, retry: Retry, at: (...keys: string[]) => PropertyKey[]): Finding[] {
  const findings: Finding[] = []
  const { base, cap } = retry.backoff
  if (base > cap) {
    findings.push(
      errorAt(at('retry', 'backoff', 'base'), `${formatMillis(base)} is longer than cap (${formatMillis(cap)})`),
    )
  }
  const place = at('retry', 'non_idempotent')
  if (retry.non_idempotent === 'keyed' && (route.idempotency?.upstream ?? 'none') === 'none') {
    findings.push(
      errorAt(place, '"keyed" needs idempotency.upstream other than none: a key must mean something to the upstream'),
    )
  }
  if (retry.non_idempotent === 'always') {
    findings.push(
      warningAt(place, '"always" repeats POST and PATCH that may have been applied: an effect may happen twice'),
    )
  }
  return findings
}

function checkDuplicates(routes: readonly RouteFile[]): Finding[] {
  const seen = new Set<string>()
  return routes.flatMap(({ name }, index) => {
    if (!seen.has(name)) {
      seen.add(name)
      return []
    }
    return [errorAt(['routes', index, 'name'], `"${name}" is the name of an earlier route; names are unique`)]
  })
}

/** One mount within another would make the place of a request depend on the order of the file. */
function checkMounts(routes: readonly RouteFile[]): Finding[] {
  const seen: { mount: string; name: string }[] = []
  return routes.flatMap(({ mount, name }, index) => {
    if (mount === undefined) return []
    const other = seen.find(earlier => within(mount, earlier.mount) || within(earlier.mount, mount))
    seen.push({ mount, name })
    if (other === undefined) return []
    const how = other.mount === mount ? 'is also the mount' : `overlaps "${other.mount}", the mount`
    return [errorAt(['routes', index, 'mount'], `"${mount}" ${how} of route "${other.name}"`)]
  })
}

const within = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}/`)

/** A route behind one that takes everything it could take, unless it can be reached by its mount. */
function checkReach(routes: readonly RouteFile[], index: number): Finding[] {
  const route = routes[index]
  if (route === undefined || route.mount !== undefined) return []
  // Quadratic in the number of routes; a long file is checked against the catch-alls near its top, which matter most.
  const earlier = routes.slice(0, Math.min(index, 256)).find(candidate => covers(toMatch(candidate), toMatch(route)))
  if (earlier === undefined) return []
  return [
    warningAt(['routes', index, 'name'], `cannot be reached: "${earlier.name}" before it takes all of its requests`),
  ]
}

function toMatch({ match }: RouteFile): Match {
  const { scheme, host, port, path, methods } = match
  return { scheme, host, port, path, methods }
}

/** Whether `wide` takes every request that `narrow` takes; a doubt is a no. */
function covers(wide: Match, narrow: Match): boolean {
  if (wide.scheme !== undefined && wide.scheme !== narrow.scheme) return false
  if (wide.port !== undefined && wide.port !== narrow.port) return false
  if (!coversHost(wide.host, narrow.host) || !coversPath(wide.path, narrow.path)) return false
  return wide.methods === undefined || (narrow.methods?.every(method => wide.methods?.includes(method)) ?? false)
}

function coversHost(wide: string, narrow: string): boolean {
  if (narrow === '*') return wide === '*'
  return hostFits(wide, narrow.startsWith('*.') ? `x${narrow.slice(1)}` : narrow)
}

function coversPath(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === '/**') return true
  if (narrow === undefined) return false
  const prefix = wide.slice(0, -2)
  return wide === narrow || (wide.endsWith('/**') && !prefix.includes('*') && narrow.startsWith(prefix))
}
