import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** How long a client may take to read its answer and stop sending, and how much it may send until then. */
export const LINGER_MS = 2_000
export const LINGER_BYTES = 33_554_432

/**
 * Throws away what still comes, for a bounded time and amount, before the socket goes: one closed with unread bytes in
 * it would be reset, and the client could lose the answer that it has not read. @param source the socket, or a request on it
 */
export function discard(source: Readable, socket: Socket): void {
  let left = LINGER_BYTES
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  source.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) socket.destroy()
  })
  const done = () => clearTimeout(timer)
  // A request may end while its connection lives on.
  if (source !== socket) source.on('end', done)
  socket.on('close', done)
  source.resume()
}

/** Ends a connection so that its last answer arrives. */
export function endGently(socket: Socket, last?: Buffer): void {
  if (last === undefined) socket.end()
  else socket.end(last)
  discard(socket, socket)
}
