import { createHash, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { issueAuthority, leafIssuer } from '../../src/certificate/issue.js'

/** What a client is put through: one kind of request, and what it meets on the way. */
export const CELLS = ['get', 'flaky', 'limited', 'upload', 'events', 'tunnel', 'needs'] as const
export type CellName = (typeof CELLS)[number]

/** One request as it came out at the far end. */
export type Arrival = {
  readonly cell: CellName | 'ack' | undefined
  readonly host: string
  readonly path: string
  /** Monotonic, in milliseconds. */
  readonly at: number
  readonly via: string | undefined
  readonly type: string
  readonly body: Buffer
}

/** The hosts that clients know, the vendor's, behind a proxy that is the only way to them. No name is ever looked up. */
export type Vendor = {
  /** For `egress.proxy`. */
  readonly proxy: string
  /** PEM of the root above the certificates of every host. */
  readonly root: string
  /** SHA-256 of a host's own certificate, lower-case hexadecimal. */
  readonly fingerprint: (host: string) => string
  readonly arrivals: readonly Arrival[]
  readonly close: () => Promise<void>
}

/** What every request is answered with in the end: longer than one TLS record, and not ASCII. */
export const ANSWER = JSON.stringify({ id: 'get', object: 'list', data: [], text: 'Ümlaut, 二\n'.repeat(4_000) })
export const EVENTS = ['one', 'two', 'three'] as const

const DAY = 86_400_000

/** @param repository a bare Git repository, served as `/WHATEVER.git/` the way a plain file server does */
export async function startVendor(repository: string): Promise<Vendor> {
  const trust = makeTrust()
  const arrivals: Arrival[] = []
  const serve = script(arrivals, repository)
  const server = createSecureServer(
    { allowHTTP1: true, SNICallback: (name, done) => done(null, trust.contextFor(name)) },
    (request, response) => void serve(request, response),
  )
  const proxy = createServer((_request, response) => response.writeHead(405).end())
  const sockets = new Set<Socket>()
  proxy.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  proxy.on('connect', (_request, socket: Socket, early: Buffer) => {
    socket.on('error', () => undefined)
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    if (early.length > 0) socket.unshift(early)
    server.emit('connection', socket)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    root: trust.root,
    fingerprint: trust.fingerprint,
    arrivals,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

function makeTrust() {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [authority, server] = [pair(), pair()]
  const life = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY }
  const root = issueAuthority(authority.privateKey, undefined, life)
  const issue = leafIssuer(root, authority.privateKey, server.publicKey)
  const key = server.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const leaves = new Map<string, string>()
  const leafOf = (host: string): string => {
    const leaf = leaves.get(host) ?? issue(host, life)
    leaves.set(host, leaf)
    return leaf
  }
  const der = (pem: string) => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  return {
    root,
    contextFor: (host: string) => createSecureContext({ key, cert: leafOf(host) }),
    fingerprint: (host: string) =>
      createHash('sha256')
        .update(der(leafOf(host)))
        .digest('hex'),
  }
}

/** Which cell a request belongs to: the last word of its path, or what stands for it in the API of an SDK. */
function cellOf(host: string, path: string, body: Buffer): Arrival['cell'] {
  const word =
    /^\/(?:v1\/(?:models|products)\/)?(get|flaky|limited|upload|events|needs|ack)(?:$|\.git\/info\/refs)/.exec(path)
  if (word !== null) return host.startsWith('files.vendor.') && word[1] === 'get' ? 'tunnel' : (word[1] as CellName)
  if (!/^\/v1\/(?:files|messages|chat\/completions)$/.test(path)) return undefined
  return body.includes('"stream":true') ? 'events' : 'upload'
}

type Serve = (request: Http2ServerRequest, response: Http2ServerResponse) => Promise<void>

/** An API that has every trouble once. */
function script(arrivals: Arrival[], repository: string): Serve {
  let acknowledge: () => void = () => undefined
  return async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const [host, path] = [request.authority || (request.headers.host ?? ''), request.url.replace(/\?.*$/, '')]
    const cell = cellOf(host, path, body)
    const first = !arrivals.some(earlier => earlier.cell === cell)
    const { via, 'content-type': type = '' } = request.headers
    arrivals.push({ cell, host, path, at: performance.now(), via: via?.toString(), type, body })
    if (cell === 'flaky' && first) return answer(response, 503, 'down')
    if (cell === 'limited' && first) return answer(response, 429, 'slow down', { 'retry-after': '1' })
    if (cell === 'upload' && first) return answer(response, 429, 'slow down', { 'retry-after': '0' })
    if (cell === 'events') return sendEvents(response, path, () => new Promise(resolve => (acknowledge = resolve)))
    if (cell === 'ack') acknowledge()
    if (path.includes('.git/')) return sendFile(response, join(repository, path.replace(/^.*\.git/, '')))
    answer(response, 200, ANSWER)
  }
}

function answer(response: Http2ServerResponse, status: number, body: string, fields: Record<string, string> = {}) {
  const length = String(Buffer.byteLength(body))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': length, ...fields })
  response.end(body)
}

/** Of what a test asks for; a path that leads elsewhere would be a bug of Git. */
function sendFile(response: Http2ServerResponse, path: string) {
  try {
    response.end(readFileSync(path))
  } catch {
    answer(response, 404, 'no such file')
  }
}

/** The next event goes out when the client says that it has the one before: a proxy that collects them would wait for ever. */
async function sendEvents(response: Http2ServerResponse, path: string, acknowledged: () => Promise<void>) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  for (const [index, text] of EVENTS.entries()) {
    const next = acknowledged()
    response.write(eventOf(path, text))
    if (index < EVENTS.length - 1) await next
  }
  response.end(path.endsWith('/completions') ? 'data: [DONE]\n\n' : '')
}

/** An event as the API of this path words it. */
function eventOf(path: string, text: string): string {
  if (path.endsWith('/completions')) {
    const chunk = { id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: text } }] }
    return `data: ${JSON.stringify(chunk)}\n\n`
  }
  if (path.endsWith('/messages')) {
    const delta = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }
    return `event: content_block_delta\ndata: ${JSON.stringify(delta)}\n\n`
  }
  return `data: ${text}\n\n`
}
