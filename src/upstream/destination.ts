import { BlockList, isIP, SocketAddress } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ListenAddress } from '../config/config.js'
import type { AttemptFault } from './to-fault.js'

/** Link-local and metadata ranges: never dialled unless a route names the address itself (T7 of the threat model). */
const ALWAYS_DENIED = ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128']

/** Answers, for a resolved address, why it must not be dialled. Checked after DNS, on the address that is dialled. */
export type DestinationGuard = (address: string, port: number) => AttemptFault | undefined

function toBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, prefix === '' ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family)
  }
  return list
}

/** Membership test over CIDRs and single addresses; IPv4-mapped IPv6 counts as IPv4. */
export function createAddressTest(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false
  const list = toBlockList(cidrs)
  return address => list.check(plainAddress(address), isIP(plainAddress(address)) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * One spelling for one address: IPv6 compressed, without an IPv4-mapped prefix, and the unspecified address as what a
 * dial to it reaches: loopback.
 */
function plainAddress(address: string): string {
  const short = isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address
  const plain = short.startsWith('::ffff:') && short.includes('.') ? short.slice(7) : short
  if (plain === '0.0.0.0') return '127.0.0.1'
  return plain === '::' ? '::1' : plain
}

/** The one rule that holds for a next hop too, which the operator named: never ourselves (FP-09). @param own as below */
export function createLoopGuard(own: () => readonly ListenAddress[]): DestinationGuard {
  return (address, port) => {
    const plain = plainAddress(address)
    return own().some(listener => listener.kind === 'tcp' && listener.port === port && reaches(plain, listener.host))
      ? { fault: 'proxy_loop_detected', phase: 'connect', details: 'the destination is this proxy' }
      : undefined
  }
}

/**
 * @param own the addresses this daemon listens on, read at each check since port 0 is known late
 * @param named hosts that routes name exactly: an address among them lifts the link-local rule for itself
 */
export function createDestinationGuard(
  deny: readonly string[],
  own: () => readonly ListenAddress[],
  named: ReadonlySet<string>,
): DestinationGuard {
  const denied = createAddressTest(deny)
  const special = createAddressTest(ALWAYS_DENIED)
  const ourselves = createLoopGuard(own)
  return (address, port) => {
    const loop = ourselves(address, port)
    if (loop !== undefined) return loop
    const plain = plainAddress(address)
    if (denied(plain) || (special(plain) && !named.has(plain))) {
      return { fault: 'destination_ip_prohibited', phase: 'connect', details: `${plain} is denied by the egress rules` }
    }
    return undefined
  }
}

/** Whether a dial to `address` arrives at a listener bound to `bound`. */
function reaches(address: string, bound: string): boolean {
  const listener = plainAddress(bound)
  if (bound !== '0.0.0.0' && bound !== '::') return address === listener
  if (address.startsWith('127.') || address === '::1') return true
  return Object.values(networkInterfaces()).some(list => list?.some(entry => entry.address === address))
}
