import { connect, type Socket } from 'node:net'

/** One answer as it crossed the wire to a test client. */
export type Answer = {
  readonly status: number
  /** The head's bytes, latin1, without the empty line. */
  readonly head: string
  readonly header: (name: string) => string | undefined
  /** The decoded body. */
  readonly body: Buffer
  readonly text: string
  /** How the connection ended, when it did before the answer was complete. */
  readonly broken: boolean
}

/** Sends raw bytes and collects what comes until the connection closes. */
export const rawExchange = (port: number, bytes: string | Buffer, host = '127.0.0.1'): Promise<string> =>
  untilClosed(connect(port, host), Buffer.from(bytes))

/** The same on a connection that stands. @param silence in milliseconds: after so long `[left open]` is added, and it ends */
export function untilClosed(socket: Socket, bytes: Buffer, silence = 0): Promise<string> {
  return new Promise(resolve => {
    let received = ''
    socket.setTimeout(silence, () => {
      received += '[left open]'
      socket.destroy()
    })
    socket.on('data', chunk => (received += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(received))
    socket.write(bytes)
  })
}

export type RequestOptions = {
  readonly method?: string
  readonly fields?: readonly string[]
  readonly body?: string | Buffer
}

/** A forward request in absolute-form on a connection of its own. */
export async function request(port: number, url: string, options: RequestOptions = {}): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const answer = readAnswer(socket, options.method ?? 'GET')
  socket.write(requestBytes(url, options))
  const result = await answer
  socket.destroy()
  return result
}

/** The bytes of such a request. */
export function requestBytes(url: string, { method = 'GET', fields = [], body }: RequestOptions = {}): Buffer {
  const host = url.startsWith('/') ? 'localhost' : new URL(url).host
  const lines = [`${method} ${url} HTTP/1.1`, `Host: ${host}`, ...fields]
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body ?? '')])
}

/** Reads the next final answer from a socket; earlier 1xx heads are skipped. */
export function readAnswer(socket: Socket, method = 'GET'): Promise<Answer> {
  return new Promise(resolve => {
    let buffer = Buffer.alloc(0)
    const done = (closed: boolean) => {
      const answer = parseAnswer(buffer, method, closed)
      if (answer === undefined) return
      socket.removeListener('data', onData)
      socket.removeListener('close', onClose)
      resolve(answer)
    }
    const onData = (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk])
      done(false)
    }
    const onClose = () => done(true)
    socket.on('data', onData)
    socket.on('close', onClose)
  })
}

function parseAnswer(bytes: Buffer, method: string, closed: boolean): Answer | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return closed ? make(0, bytes.toString('latin1'), Buffer.alloc(0), true) : undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
  if (status >= 100 && status < 200 && status !== 101) return parseAnswer(bytes.subarray(headEnd + 4), method, closed)
  const rest = bytes.subarray(headEnd + 4)
  if (method === 'HEAD' || status === 204 || status === 304 || status === 101) return make(status, head, rest, false)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    if (rest.length >= Number(length)) return make(status, head, rest.subarray(0, Number(length)), false)
    return closed ? make(status, head, rest, true) : undefined
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const body = decodeChunked(rest)
    if (body !== undefined) return make(status, head, body, false)
    return closed ? make(status, head, rest, true) : undefined
  }
  return closed ? make(status, head, rest, false) : undefined
}

function decodeChunked(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (size === 0) return bytes.indexOf('\r\n', line + 2) < 0 ? undefined : Buffer.concat(parts)
    if (bytes.length < line + 2 + size + 2) return undefined
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}

function make(status: number, head: string, body: Buffer, broken: boolean): Answer {
  const lines = head.split('\r\n').slice(1)
  const header = (name: string) =>
    lines
      .find(line => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      ?.slice(name.length + 1)
      .trim()
  return { status, head, header, body, text: body.toString(), broken }
}
