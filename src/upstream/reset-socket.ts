import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/**
 * Closes with a TCP reset where there can be one; a plain close otherwise: TLS and unix sockets have none, and on a
 * socket whose shutdown is still under way Node's `resetAndDestroy` fails and leaves the handle open for ever.
 */
export function resetSocket(socket: Socket): void {
  const shuttingDown = socket.writableEnded && !socket.writableFinished
  const overTcp = !(socket instanceof TLSSocket) && socket.remoteAddress !== undefined
  if (overTcp && !shuttingDown) socket.resetAndDestroy()
  else socket.destroy()
}
