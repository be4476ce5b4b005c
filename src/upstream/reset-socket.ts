import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

const below = new WeakMap<Socket, Socket>()

/** Tells which TCP socket a TLS one was made on, so that it can be reset. */
export function noteTlsOver(secure: TLSSocket, tcp: Socket): void {
  below.set(secure, tcp)
}

/**
 * Closes with a TCP reset where there can be one; a plain close otherwise: TLS of Node's own dialling and unix sockets
 * have none, and on a socket whose shutdown is still under way Node's `resetAndDestroy` fails and leaves the handle open
 * for ever.
 */
export function resetSocket(socket: Socket): void {
  const tcp = below.get(socket) ?? socket
  const shuttingDown = tcp.writableEnded && !tcp.writableFinished
  const overTcp = !(tcp instanceof TLSSocket) && tcp.remoteAddress !== undefined
  if (overTcp && !shuttingDown) tcp.resetAndDestroy()
  if (tcp !== socket || !overTcp || shuttingDown) socket.destroy()
}
