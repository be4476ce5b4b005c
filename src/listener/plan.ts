import type { ListenAddress, Route } from '../config/config.js'
import type { Plan } from '../exchange/plan.js'
import { formatAuthority, parseAuthority } from '../http/authority.js'
import { type Fields, fieldValue } from '../http/fields.js'
import type { Target } from '../http/request-target.js'
import type { TunnelTarget } from './client-connection.js'
import { crossSiteReason } from './mount-guard.js'
import type { MountPoint } from './mount-location.js'
import { type RefusalReason, refusal } from './refusal.js'
import { type Rules, UNMATCHED } from './rules.js'

/** A request as far as routing needs it. */
export type Arrival = {
  readonly method: string
  readonly target: Target
  readonly fields: Fields
  /** The `Host` field. */
  readonly host: string | undefined
  readonly listener: ListenAddress
  /** Clients of other machines reach it. */
  readonly shared: boolean
  readonly tunnel: TunnelTarget | undefined
  /** This listener serves mounts. */
  readonly mounts: boolean
  readonly upgrade: boolean
}

export type Planned =
  | { readonly plan: Plan; readonly mount?: MountPoint }
  | { readonly refusal: RefusalReason }
  /** `OPTIONS *`: asked of the proxy itself. */
  | { readonly own: 'options' }

const DEFAULT_PORT = { http: 80, https: 443 } as const

const refuse = (code: RefusalReason['code'], detail: string): Planned => ({ refusal: refusal(code, detail) })

/** Where a request goes and under which route; pure but for the name of this machine. */
export function planRequest(arrival: Arrival, rules: Rules): Planned {
  const { target, tunnel } = arrival
  switch (target.form) {
    case 'absolute':
      if (tunnel !== undefined && !(hasOwnName(tunnel) && sameTarget(target, tunnel))) return misdirected(tunnel)
      return planForward(arrival, target, rules)
    case 'origin':
      if (tunnel !== undefined) return planTunnelled(arrival, target.path, tunnel, rules)
      return planMount(arrival, target.path, rules)
    case 'asterisk':
      return tunnel === undefined ? { own: 'options' } : planTunnelled(arrival, '*', tunnel, rules)
    case 'authority':
      return refuse('bad_request', 'authority-form is for CONNECT only')
  }
}

type Place = {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  readonly authority: string
  readonly path: string
}

function planForward(arrival: Arrival, place: Place, { routes, config }: Rules): Planned {
  const route = routes.find(place.scheme, place.host, place.port, arrival.method, place.path)
  if (route === undefined && config.egress.unmatched === 'deny') {
    return refuse('destination_denied', `no route allows ${place.authority} (egress.unmatched is deny)`)
  }
  return { plan: planFor(route ?? UNMATCHED, place, modeOf(arrival), arrival) }
}

function modeOf({ upgrade, tunnel }: Arrival): Plan['mode'] {
  if (upgrade) return 'upgrade'
  return tunnel?.scheme === 'https' ? 'intercept' : 'forward'
}

/** A route's `upstream` replaces scheme, host, port and base path. */
function planFor(route: Route, place: Place, mode: Plan['mode'], { shared }: Arrival): Plan {
  const { upstream } = route
  if (upstream === undefined) {
    const { scheme, host, port, authority, path } = place
    return { route, mode, scheme, host, port, authority, shared, path }
  }
  const { scheme, host, port, base_path } = upstream
  const path = place.path === '*' ? '*' : base_path + place.path
  return { route, mode, scheme, host, port, authority: formatAuthority(upstream, DEFAULT_PORT[scheme]), shared, path }
}

function planTunnelled(arrival: Arrival, path: string, tunnel: TunnelTarget, rules: Rules): Planned {
  const { scheme } = tunnel
  if (!hasOwnName(tunnel)) return misdirected(tunnel)
  const named = arrival.host === undefined ? undefined : parseAuthority(arrival.host, DEFAULT_PORT[scheme])
  if (named === undefined || !sameTarget({ scheme, ...named }, tunnel)) return misdirected(tunnel)
  return planForward(arrival, { ...tunnel, path }, rules)
}

type Origin = Pick<TunnelTarget, 'scheme' | 'host' | 'port'>

const sameTarget = (a: Origin, b: Origin): boolean => a.scheme === b.scheme && a.host === b.host && a.port === b.port

/** The name in the handshake, if there was one, is that of the CONNECT. */
const hasOwnName = ({ servername, host }: TunnelTarget): boolean =>
  servername === undefined || servername.toLowerCase() === host

const misdirected = (tunnel: TunnelTarget): Planned =>
  refuse('misdirected', `this tunnel was opened to ${tunnel.authority}`)

function planMount(arrival: Arrival, path: string, { routes }: Rules): Planned {
  const found = arrival.mounts ? routes.findMount(path) : undefined
  const upstream = found?.route.upstream
  if (found === undefined || upstream === undefined) return notARelay(arrival)
  const reason = crossSiteReason(arrival.fields, arrival.host, arrival.listener)
  if (reason !== undefined) return refuse('cross_site', `${reason}: mounts are not for web pages`)
  const rest = found.rest.startsWith('/') ? found.rest : `/${found.rest}`
  const { scheme, host, port, base_path } = upstream
  const authority = formatAuthority(upstream, DEFAULT_PORT[scheme])
  const plan = planFor(
    found.route,
    { scheme, host, port, authority, path: rest },
    arrival.upgrade ? 'upgrade' : 'mount',
    arrival,
  )
  return { plan, mount: { prefix: found.route.mount ?? '', origin: `${scheme}://${authority}`, basePath: base_path } }
}

function notARelay(arrival: Arrival): Planned {
  const at = arrival.listener.kind === 'tcp' ? `http://${formatAuthority(arrival.listener)}` : 'this socket'
  const detail =
    `This is mulligan, a forward proxy. Send requests through it with HTTP_PROXY=${at} HTTPS_PROXY=${at}, ` +
    'or give a route a mount and use that as the base URL. No route is mounted here.'
  return refuse('not_a_relay', detail)
}

/** The most hops that we count; nobody is further away. */
const MOST_FORWARDS = 999_999_999

/**
 * `Max-Forwards` of TRACE and OPTIONS (RFC 9110 §7.6.2): `'answer'` when it is used up, else the fields with one less.
 * Other methods, and values that are no number, pass as they are.
 */
export function countForward(method: string, fields: Fields): Fields | 'answer' {
  if (method !== 'TRACE' && method !== 'OPTIONS') return fields
  const value = fieldValue(fields, 'max-forwards')
  if (value === undefined || !/^\d+$/.test(value)) return fields
  const left = Math.min(Number(value) - 1, MOST_FORWARDS)
  if (left < 0) return 'answer'
  return fields.map((text, i) => (i % 2 === 1 && fields[i - 1]?.toLowerCase() === 'max-forwards' ? String(left) : text))
}
