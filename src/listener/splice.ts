import type { Socket } from 'node:net'
import { resetSocket } from '../upstream/reset-socket.js'

const KEEP_ALIVE_PROBE = 60_000

/**
 * Joins two sockets, bytes only: backpressure, half-close and reset pass through as they are (FP-04, FP-18).
 * Calls `onOver` once, when both are closed.
 */
export function splice(client: Socket, upstream: Socket, onOver: (bytesIn: number, bytesOut: number) => void): void {
  let open = 2
  const over = () => {
    open--
    if (open === 0) onOver(upstream.bytesWritten, client.bytesWritten)
  }
  forward(client, upstream, over)
  forward(upstream, client, over)
}

function forward(from: Socket, to: Socket, over: () => void): void {
  from.setTimeout(0)
  from.setKeepAlive(true, KEEP_ALIVE_PROBE)
  from.on('data', chunk => {
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => to.end())
  passResets(from, to)
  const onClose = () => {
    to.destroySoon()
    over()
  }
  // What was told before anyone here listened is not told again.
  if (from.closed) return onClose()
  if (from.readableEnded) to.end()
  from.on('close', onClose)
  from.resume()
}

/** A reset of one is a reset of the other. @returns ends that */
export function passResets(from: Socket, to: Socket): () => void {
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') resetSocket(to)
  }
  from.on('error', onError)
  return () => void from.removeListener('error', onError)
}
