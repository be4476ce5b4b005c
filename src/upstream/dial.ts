import { lookup } from 'node:dns'
import { connect, type LookupFunction, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type SecureContext } from 'node:tls'
import { familyOf } from '../config/listen-address.js'
import type { Cancel, Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import type { SharedRead } from '../wire/shared-read.js'
import type { DestinationGuard } from './destination.js'
import type { ProxyHop } from './egress-proxy.js'
import { requestTunnel } from './proxy-connect.js'
import { type AttemptFault, atHop, dialFault } from './to-fault.js'

export type Destination = { readonly scheme: 'http' | 'https'; readonly host: string; readonly port: number }

export type DialOptions = {
  readonly guard: DestinationGuard
  readonly clock: Clock
  /** Covers name resolution, TCP, the next hop and TLS together. */
  readonly timeout: Millis
  /** Trust for TLS, asked for where there is any. Certificates are always verified. */
  readonly secureContext: () => SecureContext
  /** Offer HTTP/2 by ALPN, besides HTTP/1.1; what was chosen is the socket's `alpnProtocol`. */
  readonly h2: boolean
  /** Reads into buffers that are used again instead of allocating one per read; only for plain TCP without a tunnel. */
  readonly onread: Pick<SharedRead, 'buffer' | 'callback'> | undefined
  readonly detour: Detour | undefined
}

/** The way through a next hop. */
type Detour = {
  readonly hop: ProxyHop
  /** For the hop itself, in place of `guard`: the operator named it. */
  readonly guard: DestinationGuard
  /** Ask it for a tunnel, with this `Via`; without one the socket leads to the hop, which is given whole requests. */
  readonly tunnel: string | undefined
}

export type DialResult = { readonly socket: Socket } | AttemptFault

/** An error that carries a fault through a lookup callback. */
class Denied extends Error {
  readonly reason: AttemptFault

  constructor(reason: AttemptFault) {
    super(reason.details)
    this.reason = reason
  }
}

/** Resolves once, and lets only permitted addresses through to the dial. @param answered told when the resolver spoke */
function guardedLookup(guard: DestinationGuard, port: number, answered: () => void): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      answered()
      if (error) return callback(error, [])
      const permitted = addresses.filter(entry => guard(entry.address, port, host) === undefined)
      const first = addresses[0]
      // Node would fall over a list without an address.
      if (first === undefined) return callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), [])
      const reason = permitted.length === 0 ? guard(first.address, port, host) : undefined
      if (reason !== undefined) return callback(new Denied(reason), [])
      if (options.all) return callback(null, permitted)
      callback(null, permitted[0]?.address ?? '', permitted[0]?.family)
    })
  }
}

/**
 * Makes one connection, trying every address of the name (RFC 8305 by the platform).
 * Calls `done` exactly once unless cancelled. @returns cancels the dial.
 */
export function dial(to: Destination, options: DialOptions, done: (result: DialResult) => void): () => void {
  const { clock, timeout } = options
  // A name is the next hop's to resolve, but an address is known here.
  const refused = familyOf(to.host) ? options.guard(to.host, to.port, to.host) : undefined
  if (refused) {
    done(refused)
    return () => undefined
  }
  let cancelStep: Cancel = () => undefined
  let isNamed = familyOf((options.detour?.hop ?? to).host) !== 0
  const onNamed = () => {
    isNamed = true
  }
  const cancelTimer = clock.schedule(timeout, () => {
    cancelStep()
    if (isNamed) done({ fault: 'connection_timeout', phase: 'connect', details: `no connection in ${timeout} ms` })
    else done({ fault: 'dns_timeout', phase: 'dns', details: `the name was not answered in ${timeout} ms` })
  })
  const finish = (result: DialResult) => {
    cancelTimer()
    done(result)
  }
  const step = (next: Cancel) => {
    cancelStep = next
  }
  if (options.detour === undefined) step(reach(to, options.guard, options, onNamed, finish))
  else reachThrough(to, options.detour, options, { step, onNamed, done: finish })
  return () => {
    cancelTimer()
    cancelStep()
  }
}

type Done = (result: DialResult) => void

/** TCP to the destination, and TLS. */
function reach(
  to: Destination,
  guard: DestinationGuard,
  options: DialOptions,
  onNamed: () => void,
  done: Done,
): Cancel {
  const { secureContext, onread, h2 } = options
  const target = { host: to.host, port: to.port, lookup: guardedLookup(guard, to.port, onNamed), noDelay: true }
  const socket =
    to.scheme === 'http'
      ? connect({ ...target, allowHalfOpen: true, ...(onread && { onread }) })
      : openTls(to.host, h2, { ...target, secureContext: secureContext() })
  return untilUsable(socket, to.scheme, false, done)
}

/** To the next hop, through it when a tunnel is wanted, and TLS with the destination when it is `https`. */
function reachThrough(
  to: Destination,
  { hop, guard, tunnel }: Detour,
  options: DialOptions,
  hears: { readonly step: (cancel: Cancel) => void; readonly onNamed: () => void; readonly done: Done },
): void {
  const { step, onNamed, done } = hears
  const refused = familyOf(hop.host) ? guard(hop.host, hop.port, hop.host) : undefined
  if (refused) return done(atHop(refused))
  const onHop = (result: DialResult) => {
    if (!('socket' in result)) return done(atHop(result))
    if (tunnel === undefined) return done(result)
    const { socket } = result
    const stop = requestTunnel(socket, hop, { to, via: tunnel }, fault => {
      if (fault === undefined) return secured(socket)
      destroyQuietly(socket)
      done(atHop(fault))
    })
    step(() => {
      stop()
      destroyQuietly(socket)
    })
  }
  const secured = (socket: Socket) => {
    if (to.scheme === 'http') return done({ socket })
    const { secureContext, h2 } = options
    const inner = openTls(to.host, h2, { host: to.host, socket, secureContext: secureContext() })
    // What happens to it is told by the socket around it.
    socket.on('error', () => undefined)
    step(untilUsable(inner, 'https', true, done))
  }
  step(reach(hop, guard, { ...options, h2: false }, onNamed, onHop))
}

/** Calls `done` once, unless cancelled. @param tcpStands the socket was connected before */
function untilUsable(socket: Socket, scheme: 'http' | 'https', tcpStands: boolean, done: Done): Cancel {
  let secured = tcpStands
  const finish = (result: DialResult) => {
    socket.removeListener('error', onError)
    socket.removeListener('close', onClose)
    socket.removeListener('connect', onConnect)
    socket.removeListener('secureConnect', onReady)
    if (!('socket' in result)) destroyQuietly(socket)
    done(result)
  }
  const onConnect = () => {
    secured = true
    if (scheme === 'http') onReady()
  }
  const onReady = () => finish({ socket })
  const onError = (error: unknown) => finish(error instanceof Denied ? error.reason : dialFault(error, secured))
  const onClose = () => finish(dialFault(undefined, secured))
  socket.on('connect', onConnect).on('secureConnect', onReady).on('error', onError).on('close', onClose)
  return () => {
    socket.removeListener('close', onClose)
    destroyQuietly(socket)
  }
}

/** TLS, the name verified against the certificate. */
function openTls(host: string, h2: boolean, options: ConnectionOptions): Socket {
  const full: ConnectionOptions = { ...options, ALPNProtocols: h2 ? ['h2', 'http/1.1'] : ['http/1.1'] }
  if (!familyOf(host)) full.servername = host
  return connectTls(full)
}

/** A destroyed socket may still report an error that nobody needs. */
function destroyQuietly(socket: Socket): void {
  socket.removeAllListeners('error')
  socket.on('error', () => undefined)
  socket.destroy()
}
