import { BlockList, SocketAddress } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ListenAddress } from '../config/config.js'
import { familyOf } from '../config/listen-address.js'
import { embeddedIpv4 } from '../http/ip-address.js'
import type { AttemptFault } from './to-fault.js'

/**
 * Link-local networks, and the addresses outside of them at which clouds tell a machine its secrets: never dialled unless
 * a route names the address itself (T7 of the threat model).
 */
const ALWAYS_DENIED = [
  '169.254.0.0/16',
  'fe80::/10',
  // AWS: instance metadata, pod identity, DNS and time all lie in it.
  'fd00:ec2::/32',
  // Google, Oracle, Scaleway, in this order.
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  'fd00:42::42',
  // Alibaba, Oracle before it had link-local, and the wire server of Azure.
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
]

/**
 * Answers, for a resolved address, why it must not be dialled. Checked after DNS, on the address that is dialled.
 * @param asked the host that was asked for: the address itself, or the name that led to it
 */
export type DestinationGuard = (address: string, port: number, asked: string) => AttemptFault | undefined

function toBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/')
    const family = address.includes(':') ? 'ipv6' : 'ipv4'
    list.addSubnet(address, prefix === '' ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family)
  }
  return list
}

/** Membership test over CIDRs and single addresses; IPv4-mapped IPv6 counts as IPv4. */
export function createAddressTest(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false
  const list = toBlockList(cidrs)
  return address => {
    const plain = plainAddress(address)
    return list.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4')
  }
}

/**
 * One spelling for one address: IPv6 compressed, without a zone or an IPv4-mapped prefix, and the unspecified address as
 * what a dial to it reaches: loopback.
 */
function plainAddress(address: string): string {
  const short = address.includes(':') ? new SocketAddress({ address, family: 'ipv6' }).address : address
  const plain = short.startsWith('::ffff:') && short.includes('.') ? short.slice(7) : short
  if (plain === '0.0.0.0') return '127.0.0.1'
  return plain === '::' ? '::1' : plain
}

/** Where a dial may end up: at the address itself, or at an IPv4 address that it wraps for a translator on the way. */
function endsOf(address: string): readonly string[] {
  const plain = plainAddress(address)
  return familyOf(plain) === 6 ? [plain, ...embeddedIpv4(plain).map(plainAddress)] : [plain]
}

/** The one rule that holds for a next hop too, which the operator named: never ourselves (FP-09). @param own as below */
export function createLoopGuard(own: () => readonly ListenAddress[]): DestinationGuard {
  return (address, port) =>
    own().some(
      listener =>
        listener.kind === 'tcp' && listener.port === port && endsOf(address).some(end => reaches(end, listener.host)),
    )
      ? { fault: 'proxy_loop_detected', phase: 'connect', details: 'the destination is this proxy' }
      : undefined
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
  const namedAddresses = new Set([...named].filter(host => familyOf(host) !== 0).map(plainAddress))
  return (address, port, asked) => {
    const loop = ourselves(address, port, asked)
    if (loop !== undefined) return loop
    const ends = endsOf(address)
    const [plain = address] = ends
    // Whoever owns a name chooses its address: only the address itself, asked for as such, is what a route names.
    const isNamed = familyOf(asked) !== 0 && namedAddresses.has(plain)
    if (ends.some(denied) || (!isNamed && ends.some(special))) {
      return { fault: 'destination_ip_prohibited', phase: 'connect', details: `${plain} is denied by the egress rules` }
    }
    return undefined
  }
}

/** Whether a dial to `address` arrives at a listener bound to `bound`. */
function reaches(address: string, bound: string): boolean {
  const isEverywhere = bound === '0.0.0.0' || bound === '::'
  if (familyOf(bound) !== 0 && !isEverywhere) return address === plainAddress(bound)
  // Bound to a name, it may be at any address of this machine.
  if (address.startsWith('127.') || address === '::1') return true
  return Object.values(networkInterfaces()).some(list => list?.some(entry => plainAddress(entry.address) === address))
}
