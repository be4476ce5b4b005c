import type { Socket } from 'node:net'

/** How long a client may take to read its last answer and close. */
const LINGER_MS = 1_000
const LINGER_BYTES = 262_144

/**
 * Ends a connection so that the last answer arrives: a socket closed at once with unread bytes in it would be reset, and
 * the client could lose what it has not read. What still comes is thrown away, for a bounded time and amount.
 */
export function endGently(socket: Socket, last?: Buffer): void {
  let left = LINGER_BYTES
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.on('close', () => clearTimeout(timer))
  socket.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) socket.destroy()
  })
  if (last === undefined) socket.end()
  else socket.end(last)
  socket.resume()
}
