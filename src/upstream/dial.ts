import { lookup } from 'node:dns'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type SecureContext } from 'node:tls'
import type { Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import type { DestinationGuard } from './destination.js'
import { type AttemptFault, dialFault } from './to-fault.js'

export type Destination = { readonly scheme: 'http' | 'https'; readonly host: string; readonly port: number }

export type DialOptions = {
  readonly guard: DestinationGuard
  readonly clock: Clock
  /** Covers name resolution, TCP and TLS together. */
  readonly timeout: Millis
  /** Trust for `https`; the platform's roots when undefined. Certificates are always verified. */
  readonly secureContext: SecureContext | undefined
  /** Reads into a shared buffer instead of allocating one per read; only for plain TCP. */
  readonly onread:
    | { readonly buffer: Buffer; readonly callback: (bytes: number, buffer: Buffer) => boolean }
    | undefined
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

/** Resolves once, and lets only permitted addresses through to the dial. */
function guardedLookup(guard: DestinationGuard, port: number): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const permitted = addresses.filter(entry => guard(entry.address, port) === undefined)
      const first = addresses[0]
      const reason = permitted.length === 0 && first ? guard(first.address, port) : undefined
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
  const { guard, clock, timeout, secureContext, onread } = options
  const refused = isIP(to.host) ? guard(to.host, to.port) : undefined
  if (refused) {
    done(refused)
    return () => undefined
  }
  let tcpStands = false
  const target = { host: to.host, port: to.port, lookup: guardedLookup(guard, to.port), noDelay: true }
  const socket =
    to.scheme === 'http'
      ? connect({ ...target, allowHalfOpen: true, ...(onread && { onread }) })
      : openTls(to.host, { ...target, ...(secureContext && { secureContext }) })
  const finish = (result: DialResult) => {
    cancelTimer()
    socket.removeListener('error', onError)
    socket.removeListener('close', onClose)
    socket.removeListener('connect', onConnect)
    socket.removeListener('secureConnect', onReady)
    if (!('socket' in result)) destroyQuietly(socket)
    done(result)
  }
  const onConnect = () => {
    tcpStands = true
    if (to.scheme === 'http') onReady()
  }
  const onReady = () => finish({ socket })
  const onError = (error: unknown) => finish(error instanceof Denied ? error.reason : dialFault(error, tcpStands))
  const onClose = () => finish(dialFault(undefined, tcpStands))
  const cancelTimer = clock.schedule(timeout, () => {
    finish({
      fault: 'connection_timeout',
      phase: tcpStands ? 'tls' : 'connect',
      details: `no connection in ${timeout} ms`,
    })
  })
  socket.on('connect', onConnect).on('secureConnect', onReady).on('error', onError).on('close', onClose)
  return () => {
    cancelTimer()
    socket.removeAllListeners('close')
    destroyQuietly(socket)
  }
}

/** TLS with HTTP/1.1, the name verified against the certificate. */
function openTls(host: string, options: ConnectionOptions): Socket {
  const full: ConnectionOptions = { ...options, ALPNProtocols: ['http/1.1'] }
  if (!isIP(host)) full.servername = host
  return connectTls(full)
}

/** A destroyed socket may still report an error that nobody needs. */
function destroyQuietly(socket: Socket): void {
  socket.removeAllListeners('error')
  socket.on('error', () => undefined)
  socket.destroy()
}
