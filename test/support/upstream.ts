import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** One request as it crossed the wire to a test upstream. */
export type Seen = {
  readonly method: string
  readonly path: string
  /** The head's bytes, latin1, request line included, without the empty line. */
  readonly head: string
  /** First value of a header, or undefined. */
  readonly header: (name: string) => string | undefined
  /** The decoded body (chunked or by length), read before the script runs; empty when the script reads it itself. */
  readonly body: Buffer
  /** 1 for the first request of its connection. */
  readonly onConnection: number
  /** 1 for the first request at all. */
  readonly number: number
}

/** What an upstream does with a request: raw bytes to write, or anything with the socket. */
export type Script = (seen: Seen, socket: Socket) => string | Buffer | undefined | Promise<string | undefined>

export type TestUpstream = {
  readonly port: number
  readonly authority: string
  readonly url: string
  readonly seen: Seen[]
  /** Connections accepted so far. */
  readonly connections: () => number
  /** Connections open now. */
  readonly open: () => number
  readonly close: () => Promise<void>
}

export type UpstreamOptions = {
  /** Run the script as soon as the head is here, the body unread. */
  readonly early?: boolean
  readonly tls?: TlsOptions
  /** Any free one without it. */
  readonly port?: number
  readonly onConnection?: (socket: Socket, number: number) => void
}

/** An answer as raw bytes: `answer(200, 'hello')`, `answer(429, '', 'Retry-After: 1')`. */
export function answer(status: number, body = '', ...fields: string[]): string {
  const lines = [
    `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Status'}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...fields,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** A 401 within `min_interval` of a token says nothing about that token (T4): an answer of an upstream that takes longer. */
export const thoughtOver = (text: string) => new Promise<string>(resolve => setTimeout(() => resolve(text), 5))

/** A real upstream on a port of its own that does what its script says, request by request. */
export async function startUpstream(script: Script, options: UpstreamOptions = {}): Promise<TestUpstream> {
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const accept = (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    options.onConnection?.(socket, connections)
    serve(socket, seen, script, options.early === true)
  }
  const server: Server = options.tls
    ? createTlsServer(options.tls, accept)
    : createServer({ allowHalfOpen: true }, accept)
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    authority: `127.0.0.1:${port}`,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    seen,
    connections: () => connections,
    open: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function serve(socket: Socket, seen: Seen[], script: Script, early: boolean): void {
  let buffer = Buffer.alloc(0)
  let count = 0
  let busy = false
  const next = async () => {
    if (busy) return
    const headEnd = buffer.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = buffer.toString('latin1', 0, headEnd)
    const body = early ? { bytes: Buffer.alloc(0), end: headEnd + 4 } : readBody(head, buffer, headEnd + 4)
    if (body === undefined) return
    busy = true
    buffer = buffer.subarray(body.end)
    const request = describe(head, body.bytes, ++count, seen.length + 1)
    seen.push(request)
    if (early) socket.removeAllListeners('data')
    if (early && buffer.length > 0) socket.unshift(buffer)
    const reply = await script(request, socket)
    if (reply !== undefined && !socket.destroyed) socket.write(reply)
    busy = false
    if (!early) await next()
  }
  socket.on('data', chunk => {
    buffer = Buffer.concat([buffer, chunk])
    void next()
  })
  socket.on('end', () => socket.end())
}

function describe(head: string, body: Buffer, onConnection: number, number: number): Seen {
  const [requestLine = '', ...lines] = head.split('\r\n')
  const [method = '', path = ''] = requestLine.split(' ')
  const header = (name: string) => {
    const line = lines.find(text => text.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    return line?.slice(name.length + 1).trim()
  }
  return { method, path, head, header, body, onConnection, number }
}

function readBody(head: string, buffer: Buffer, from: number): { bytes: Buffer; end: number } | undefined {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = from + Number(length)
    return buffer.length < end ? undefined : { bytes: buffer.subarray(from, end), end }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { bytes: Buffer.alloc(0), end: from }
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const line = buffer.indexOf('\r\n', at)
    if (line < 0) return undefined
    const size = Number.parseInt(buffer.toString('latin1', at, line), 16)
    if (size === 0) {
      const end = buffer.indexOf('\r\n\r\n', line)
      if (buffer.indexOf('\r\n', line + 2) === line + 2) return { bytes: Buffer.concat(parts), end: line + 4 }
      return end < 0 ? undefined : { bytes: Buffer.concat(parts), end: end + 4 }
    }
    if (buffer.length < line + 2 + size + 2) return undefined
    parts.push(buffer.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}
