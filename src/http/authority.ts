import { canonicalIpv6, isIpv4, isIpv6 } from './ip-address.js'

/** Where a request goes: a lower-case name, a dotted quad or an IPv6 address in its one spelling without brackets, and a port. */
export type Authority = { readonly host: string; readonly port: number }

const PORT = /^[1-9]\d{0,4}$/
const NAME = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/
const LONGEST_NAME = 253
/** A last label like this makes many resolvers read the whole name as an IPv4 address. */
const ENDS_IN_A_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/

/**
 * `host[:port]` of a request-target or a `Host` field (RFC 3986 §3.2, RFC 9110 §7.2); `undefined` when there is
 * anything to argue about: user information, percent-encoding, zone ids, empty labels, ports outside 1–65535, and
 * IPv4 in any spelling but four decimal numbers (`127.1`, `0x7f.1`, `2130706433` reach different hosts in different
 * resolvers). One trailing dot is dropped. Never the URL class: it "repairs" all of these.
 * @param defaultPort used when the port is left out; `undefined` makes a port mandatory.
 */
export function parseAuthority(text: string, defaultPort: number | undefined): Authority | undefined {
  const colon = text.charCodeAt(0) === 0x5b ? text.indexOf(':', text.indexOf(']') + 1) : text.indexOf(':')
  const port = colon === -1 ? defaultPort : parsePort(text.slice(colon + 1))
  const host = parseHost(colon === -1 ? text : text.slice(0, colon))
  return host === undefined || port === undefined ? undefined : { host, port }
}

/** As it goes into `Host`: IPv6 in brackets, the scheme's own port left out (RFC 9110 §7.2). */
export function formatAuthority({ host, port }: Authority, defaultPort?: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === defaultPort ? name : `${name}:${port}`
}

function parsePort(text: string): number | undefined {
  if (!PORT.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}

function parseHost(text: string): string | undefined {
  const lower = text.toLowerCase()
  if (lower.charCodeAt(0) === 0x5b) {
    const address = lower.slice(1, -1)
    return lower.endsWith(']') && isIpv6(address) ? canonicalIpv6(address) : undefined
  }
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower
  if (name.length > LONGEST_NAME || !NAME.test(name)) return undefined
  if (ENDS_IN_A_NUMBER.test(name) && (name !== lower || !isIpv4(name))) return undefined
  return name
}
