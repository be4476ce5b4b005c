import { type Authority, formatAuthority, parseAuthority } from './authority.js'

/**
 * A request-target (RFC 9112 §3.2). `host` is lower-case, IPv6 without brackets; `authority` is what goes into
 * `Host`; `path` is what goes into the request line: the client's own bytes, query included.
 */
export type Target =
  | {
      readonly form: 'absolute'
      readonly scheme: 'http' | 'https'
      readonly host: string
      readonly port: number
      readonly authority: string
      readonly path: string
    }
  | { readonly form: 'origin'; readonly path: string }
  | { readonly form: 'asterisk' }
  | { readonly form: 'authority'; readonly host: string; readonly port: number; readonly authority: string }

const DEFAULT_PORT = { http: 80, https: 443 } as const

/** Printable ASCII but `#`: nothing else may be in a target, and a fragment is never sent (RFC 9112 §3.2). */
const CLEAN = /^[\x21\x22\x24-\x7e]+$/

/**
 * `undefined` for anything malformed, ambiguous or in a form that the method does not have.
 * The path keeps its bytes (`//`, `%2F`, `|`, a lone `?`): only an empty one becomes `/`, or `*` for OPTIONS
 * (RFC 9112 §3.2.4).
 */
export function parseTarget(method: string, raw: string): Target | undefined {
  if (!CLEAN.test(raw)) return undefined
  if (method === 'CONNECT') return authorityForm(raw)
  if (raw.charCodeAt(0) === 0x2f) return { form: 'origin', path: raw }
  if (raw === '*') return method === 'OPTIONS' ? { form: 'asterisk' } : undefined
  const scheme = schemeOf(raw)
  return scheme === undefined ? undefined : absoluteForm(method, raw, scheme)
}

/** CONNECT: the port is mandatory (RFC 9110 §9.3.6) and stays in `authority`, for there is no scheme to imply one. */
function authorityForm(raw: string): Target | undefined {
  const parsed = parseAuthority(raw, undefined)
  return parsed && { form: 'authority', ...parsed, authority: formatAuthority(parsed) }
}

function schemeOf(raw: string): 'http' | 'https' | undefined {
  if (raw.startsWith('http://')) return 'http'
  if (raw.startsWith('https://')) return 'https'
  const scheme = /^(https?):\/\//i.exec(raw)?.[1]?.toLowerCase()
  return scheme === 'http' || scheme === 'https' ? scheme : undefined
}

function absoluteForm(method: string, raw: string, scheme: 'http' | 'https'): Target | undefined {
  const start = scheme.length + 3
  const slash = raw.indexOf('/', start)
  const query = raw.indexOf('?', start)
  const end = query !== -1 && (slash === -1 || query < slash) ? query : slash
  const place = placeOf(scheme, end === -1 ? raw.slice(start) : raw.slice(start, end))
  if (place === undefined) return undefined
  const { host, port, authority } = place
  const path = end === -1 ? (method === 'OPTIONS' ? '*' : '/') : end === slash ? raw.slice(end) : `/${raw.slice(end)}`
  return { form: 'absolute', scheme, host, port, authority, path }
}

type Place = Authority & { readonly authority: string }

/** Clients go where they went before, mostly; what that comes to does not change. */
let latest: { readonly scheme: string; readonly text: string; readonly place: Place } | undefined

function placeOf(scheme: 'http' | 'https', text: string): Place | undefined {
  if (latest?.text === text && latest.scheme === scheme) return latest.place
  const parsed = parseAuthority(text, DEFAULT_PORT[scheme])
  if (parsed === undefined) return undefined
  const place = { ...parsed, authority: formatAuthority(parsed, DEFAULT_PORT[scheme]) }
  latest = { scheme, text, place }
  return place
}
