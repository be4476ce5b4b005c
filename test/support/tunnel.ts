import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { freePort as unusedPort } from '../../src/bench/local-server.js'

export type OpenedTunnel = { readonly socket: Socket; readonly head: string; readonly status: number }

/**
 * A port that nobody listens on, and that nobody else is given as long as this process lives: a connection of ours begins
 * there. Whoever is told of it may listen on it, again and again.
 */
export async function freePort(): Promise<number> {
  const anchor = createServer(socket =>
    socket
      .on('error', () => undefined)
      .resume()
      .unref(),
  )
  anchor.listen(0, '127.0.0.1').unref()
  await once(anchor, 'listening')
  const { port } = anchor.address() as AddressInfo
  for (;;) {
    const localPort = await unusedPort()
    const holder = connect({ port, host: '127.0.0.1', localPort, localAddress: '127.0.0.1' })
    const isHeld = await new Promise<boolean>(resolve => {
      holder.once('connect', () => resolve(true)).on('error', () => resolve(false))
    })
    holder.unref()
    if (isHeld) return localPort
  }
}

/** Sends a CONNECT. @param early bytes right behind it @returns when its answer is here; the rest is on the socket */
export async function openTunnel(
  port: number,
  authority: string,
  early = '',
  ...fields: string[]
): Promise<OpenedTunnel> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, ...fields]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${early}`, 'latin1')
  const head = await readHead(socket)
  return { socket, head, status: Number(head.slice(9, 12)) }
}

/** Reads up to an empty line and puts back what is behind it. */
export async function readHead(socket: Socket): Promise<string> {
  let bytes = Buffer.alloc(0)
  for (;;) {
    const chunk = (socket.read() ?? Buffer.alloc(0)) as Buffer
    bytes = Buffer.concat([bytes, chunk])
    const end = bytes.indexOf('\r\n\r\n')
    if (end >= 0) {
      if (bytes.length > end + 4) socket.unshift(bytes.subarray(end + 4))
      return bytes.toString('latin1', 0, end)
    }
    if (socket.readableEnded || socket.destroyed) return bytes.toString('latin1')
    await Promise.race([once(socket, 'readable'), once(socket, 'close')])
  }
}

/** Everything until the other side ends or the socket closes. */
export function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  return new Promise(resolve => {
    const done = () => resolve(Buffer.concat(chunks))
    socket.once('end', done).once('close', done)
  })
}

/** The code of the error that ended a socket; `closed` without one. */
export function endOf(socket: Socket): Promise<string> {
  socket.resume()
  return new Promise(resolve => {
    let code = 'closed'
    socket.on('error', error => {
      code = (error as NodeJS.ErrnoException).code ?? error.message
    })
    socket.on('close', () => resolve(code))
  })
}

export type RawServer = {
  readonly authority: string
  readonly port: number
  /** The next connection nobody asked for yet. */
  readonly accepted: () => Promise<Socket>
}

/** A server without a protocol. @param port 0 for a new one */
export async function startRawServer(t: Test, accept?: (socket: Socket) => void, port = 0): Promise<RawServer> {
  const sockets: Socket[] = []
  let wake: () => void = () => undefined
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    accept?.(socket)
    wake()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  let next = 0
  const real = (server.address() as AddressInfo).port
  return {
    port: real,
    authority: `127.0.0.1:${real}`,
    accepted: async () => {
      while (sockets.length <= next) await new Promise<void>(resolve => (wake = resolve))
      return sockets[next++] as Socket
    },
  }
}
