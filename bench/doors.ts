import { join } from 'node:path'
import { mitmproxyAuthority } from '../src/bench/mitmproxy.js'
import { DEBIAN_NAMES, debianProgram, squidAuthority, squidBump } from './debian-programs.js'
import type { Door } from './door.js'
import type { FreshDoor } from './fresh.js'
import { type MulliganPrograms, mulliganAuthority } from './mulligan-programs.js'
import { mockttpAuthority, NODE_NAMES, nodeProgram } from './node-programs.js'
import type { Program } from './program.js'

/** Every peer, in the order of the tables. */
export const PEERS: readonly Peer[] = [...DEBIAN_NAMES, ...NODE_NAMES]
export type Peer = (typeof DEBIAN_NAMES)[number] | (typeof NODE_NAMES)[number]

/** Those that are here. */
export type Peers = ReadonlyMap<Peer, Program>

/** The others lead to one upstream. */
const FORWARD: ReadonlySet<Peer> = new Set(['squid', 'tinyproxy', 'mitmproxy', 'mockttp'])

/** Through whom a long body goes besides us: for everybody ten minutes are too short. */
const BULK_PEERS: ReadonlySet<Peer> = new Set(['nginx', 'haproxy', 'http-proxy', 'joined sockets'])

/** Whose first seconds under load are looked at as well. */
const EARLY_PEERS: ReadonlySet<Peer> = new Set(['http-proxy'])

/** What is wanted and not here, in words. */
export function absentPeers(wanted: readonly Peer[], peers: Peers): readonly string[] {
  const cannotOpen = peers.has('squid') && squidBump() === undefined ? ['squid with OpenSSL'] : []
  return [...wanted.filter(name => !peers.has(name)), ...cannotOpen]
}

export function findPeers(wanted: readonly Peer[]): Peers {
  const found = new Map<Peer, Program>()
  for (const name of wanted) {
    const program = debianProgram(name) ?? nodeProgram(name)
    if (program !== undefined) found.set(name, program)
  }
  return found
}

const DIRECT: Door = { name: 'direct', program: undefined, form: 'origin' }

/** How a peer is asked over HTTP in the clear. */
const peerDoor = ([name, program]: readonly [Peer, Program]): Door => ({
  name,
  program,
  form: FORWARD.has(name) ? 'absolute' : 'origin',
  ...(name === 'tinyproxy' ? { closes: true } : {}),
})

const peerDoors = (peers: Peers, isWanted: (name: Peer) => boolean): readonly Door[] =>
  [...peers].filter(([name]) => isWanted(name)).map(peerDoor)

export function clearDoors(peers: Peers, { clear }: MulliganPrograms): readonly Door[] {
  const route = (name: string, prefix: string): Door => ({ name, program: clear, form: 'absolute', prefix })
  return [
    DIRECT,
    ...peerDoors(peers, () => true),
    route('mulligan, pass-through', '/pass'),
    route('mulligan, retry', '/retry'),
    route('mulligan, credential', '/credential'),
    { ...route('mulligan, mount', '/base/mount'), form: 'origin' },
  ]
}

/** Either sends another key with every request. */
export function keyedDoors({ keyed }: MulliganPrograms): readonly Door[] {
  const common = { program: keyed, form: 'absolute', key: 'new' } as const
  return [
    { ...common, name: 'mulligan, retry', prefix: '/retry' },
    { ...common, name: 'mulligan, key', prefix: '/key' },
  ]
}

/** HTTPS over CONNECT: opened, and passed through a tunnel. */
export function tlsDoors(peers: Peers, ours: MulliganPrograms): readonly Door[] {
  const opened = (
    name: string,
    program: Program | undefined,
    authority: (folder: string) => string,
  ): readonly Door[] => (program === undefined ? [] : [{ name, program, form: 'absolute', tls: authority }])
  const h1 = opened('mulligan, intercepting', ours.tls, mulliganAuthority)
  return [
    { ...DIRECT, tls: 'direct' },
    ...opened('squid, intercepting', peers.has('squid') ? squidBump() : undefined, squidAuthority),
    ...opened('mitmproxy', peers.get('mitmproxy'), folder => mitmproxyAuthority(join(folder, 'mitmproxy'))),
    ...opened('mockttp', peers.get('mockttp'), mockttpAuthority),
    ...h1,
    ...h1.map((door): Door => ({ ...door, name: `${door.name}, h2`, h2: true })),
    ...tunnelDoors(peers, ours),
  ]
}

function tunnelDoors(peers: Peers, { tunnel }: MulliganPrograms): readonly Door[] {
  const through = (name: string, program: Program): Door => ({
    name: `${name}, tunnel`,
    program,
    form: 'absolute',
    tls: 'tunnel',
  })
  const others = [...peers].filter(([name]) => name === 'squid' || name === 'tinyproxy')
  return [...others.map(([name, program]) => through(name, program)), through('mulligan', tunnel)]
}

/** Not tinyproxy, which needs a thread for each. */
export const idleDoors = (peers: Peers, ours: MulliganPrograms): readonly Door[] =>
  tunnelDoors(new Map([...peers].filter(([name]) => name === 'squid')), ours)

export function bulkDoors(peers: Peers, { clear }: MulliganPrograms): readonly Door[] {
  const ours: Door = { name: 'mulligan, retry', program: clear, form: 'absolute', prefix: '/retry' }
  return [...peerDoors(peers, name => BULK_PEERS.has(name)), ours]
}

export function freshDoors(peers: Peers, { builtIn, clear, notBundled }: MulliganPrograms): readonly FreshDoor[] {
  const own = (name: string, program: Program): Door => ({ name, program, form: 'absolute' })
  const alone = (door: Door): FreshDoor => ({ door, isLoaded: false })
  return [
    ...[...peers].map(peer => ({ door: peerDoor(peer), isLoaded: EARLY_PEERS.has(peer[0]) })),
    { door: own('mulligan', builtIn), isLoaded: true },
    alone({ ...own('mulligan, with a configuration', clear), prefix: '/retry' }),
    ...(notBundled === undefined ? [] : [alone(own('mulligan, not bundled', notBundled))]),
  ]
}
