import { ipNumber } from './ip-address.js'

/** Where a request goes next, as far as a listener on the way is concerned. */
export type Hop = {
  readonly scheme: 'http' | 'https'
  /** In lower case, IPv6 without brackets. */
  readonly host: string
  /** No next proxy between us and the host. */
  readonly direct: boolean
}

/**
 * Whether a credential may travel there (T5): encrypted, or without leaving this machine, or because the operator allowed
 * it. The loopback of a request through a next proxy is that proxy's, so it does not count.
 */
export const mayCarry = ({ scheme, host, direct }: Hop, allowCleartext: boolean): boolean =>
  scheme === 'https' || allowCleartext || (direct && isLoopback(host))

/**
 * 127.0.0.0/8, also IPv4-mapped, ::1 and `localhost`. Names below `localhost` are not: RFC 6761 §6.3 says they should
 * be, yet resolvers ask the network for them.
 */
function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const address = ipNumber(host)
  if (address === undefined) return false
  return address.width === 32 ? address.value >> 24n === 127n : address.value === 1n
}
