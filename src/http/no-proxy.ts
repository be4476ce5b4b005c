import { type IpNumber, ipNumber } from './ip-address.js'

/** One entry of a list of hosts that are reached without the proxy; `port` limits it to one port. */
export type NoProxyRule = { readonly port: number | undefined } & (
  | { readonly kind: 'all' }
  /** The host itself, and what is below it. */
  | { readonly kind: 'host'; readonly host: string }
  /** Only what is below it. */
  | { readonly kind: 'below'; readonly host: string }
  | { readonly kind: 'network'; readonly address: IpNumber; readonly bits: number }
)

const PORT = /^(.*?):([1-9]\d{0,4})$/
const NAME = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/

/** The entries of a list as `NO_PROXY` holds it: separated by commas, spaces or both. */
export const splitNoProxy = (text: string): string[] => text.split(/[\s,]+/).filter(entry => entry !== '')

/**
 * One entry (FP-29): `*`, `host` or `.host` (each with all below), `*.host` (only what is below), an address, or a CIDR;
 * all but the CIDR may end in `:port`. IPv6 stands bare, or in brackets, which a port needs. `undefined`: none of these.
 */
export function parseNoProxy(entry: string): NoProxyRule | undefined {
  const text = entry.toLowerCase()
  const bare = network(text, undefined)
  if (bare !== undefined) return bare
  const [, before = text, digits] = PORT.exec(text) ?? []
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && port > 65_535) return undefined
  if (before === '*') return { kind: 'all', port }
  if (before.startsWith('[') && before.endsWith(']')) return network(before.slice(1, -1), port)
  return (before.includes('/') ? undefined : network(before, port)) ?? hostRule(before, port)
}

/**
 * Whether a host is reached without the proxy. Names are compared as text, addresses as numbers, and no name is looked
 * up: a network says nothing about a name, and a name nothing about its address.
 * @param host lower case, without brackets
 */
export function matchesNoProxy(rules: readonly NoProxyRule[], host: string, port: number): boolean {
  const address = ipNumber(host)
  return rules.some(rule => (rule.port === undefined || rule.port === port) && names(rule, host, address))
}

function names(rule: NoProxyRule, host: string, address: IpNumber | undefined): boolean {
  switch (rule.kind) {
    case 'all':
      return true
    case 'network':
      return address !== undefined && contains(rule, address)
    case 'host':
      return host === rule.host || host.endsWith(`.${rule.host}`)
    case 'below':
      return host.endsWith(`.${rule.host}`)
  }
}

function network(text: string, port: number | undefined): NoProxyRule | undefined {
  const [, head = '', length] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = ipNumber(head)
  if (address === undefined) return undefined
  // The prefix of an IPv4-mapped network counts from the start of the IPv6 form.
  const mapped = head.includes(':') && address.width === 32 ? 96 : 0
  const bits = length === undefined ? address.width : Number(length) - mapped
  return bits < 0 || bits > address.width ? undefined : { kind: 'network', address, bits, port }
}

function hostRule(text: string, port: number | undefined): NoProxyRule | undefined {
  const kind = text.startsWith('*.') ? 'below' : 'host'
  const host = text.replace(/^\*?\./, '').replace(/\.$/, '')
  // Digits and dots that are no address would never match: a typing error, not a name.
  return NAME.test(host) && host.length <= 253 && !/^[\d.]+$/.test(host) ? { kind, host, port } : undefined
}

function contains(rule: { readonly address: IpNumber; readonly bits: number }, { value, width }: IpNumber): boolean {
  const shift = BigInt(width - rule.bits)
  return rule.address.width === width && rule.address.value >> shift === value >> shift
}
