import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { readAnswer } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { scene } from '../support/scene.js'
import { endOf, openTunnel, readHead, readToEnd, startRawServer } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Case: Kept\r\n\r\n'

/** A WebSocket server of the `ws` package that sends back what it gets. */
async function startEcho(t: Test) {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    socket.on('message', (data, binary) => socket.send(binary ? data : `${request.url} ${data}`, { binary }))
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const daemon = await startTestDaemon()
  t.teardown(() => daemon.close())
  return { daemon, sockets, port, authority: `127.0.0.1:${port}` }
}

/** The two ways a WebSocket gets through a proxy. */
const WAYS: [name: string, open: (proxy: number, authority: string, path: string) => WebSocket][] = [
  [
    'an absolute-form handshake',
    (proxy, authority, path) =>
      new WebSocket(`ws://127.0.0.1:${proxy}${path}`, { finishRequest: request => absolute(request, authority) }),
  ],
  [
    'a tunnel',
    (proxy, authority, path) => {
      const opening = openTunnel(proxy, authority)
      const createConnection = (_: unknown, done: (error: Error | null, socket: Socket) => void) => {
        opening.then(
          ({ socket }) => done(null, socket),
          () => undefined,
        )
        return undefined as unknown as Socket
      }
      return new WebSocket(`ws://${authority}${path}`, { createConnection: createConnection as never })
    },
  ],
]

function absolute(
  request: { path: string; setHeader: (name: string, value: string) => void; end: () => void },
  authority: string,
) {
  request.path = `http://${authority}${request.path}`
  request.setHeader('Host', authority)
  request.end()
}

for (const [name, open] of WAYS) {
  test(`FP-18: a WebSocket through ${name} passes messages, close codes and 1 MB both ways`, async t => {
    const { daemon, authority, sockets } = await startEcho(t)
    const socket = open(daemon.port, authority, '/chat?a=b')
    await once(socket, 'open')
    socket.send('hello')
    t.equal(String((await once(socket, 'message'))[0]), '/chat?a=b hello')
    const bytes = randomBytes(1_048_576)
    socket.send(bytes)
    t.ok(bytes.equals((await once(socket, 'message'))[0] as Buffer))
    const [peer] = sockets.clients
    const closed = once(peer as WebSocket, 'close')
    socket.close(4_001, 'enough')
    const [code, reason] = (await closed) as [number, Buffer]
    t.same([code, String(reason)], [4_001, 'enough'])
    const other = open(daemon.port, authority, '/')
    await once(other, 'open')
    for (const client of sockets.clients) client.close(4_002, 'over')
    t.equal((await once(other, 'close'))[0], 4_002)
  })

  test(`FP-18: a reset of a WebSocket through ${name} is a reset on the other side`, async t => {
    const { daemon, authority, sockets } = await startEcho(t)
    for (const from of ['client', 'server'] as const) {
      const socket = open(daemon.port, authority, '/')
      socket.on('error', () => undefined)
      await once(socket, 'open')
      const peer = [...sockets.clients].at(-1) as WebSocket
      const [one, other] = from === 'client' ? [socket, peer] : [peer, socket]
      const end = endOf(rawSocket(other))
      rawSocket(one).resetAndDestroy()
      t.equal(await end, 'ECONNRESET', `from the ${from}`)
    }
    t.equal(daemon.daemon.holds().upstreamConnections, 0)
  })
}

const rawSocket = (socket: WebSocket): Socket => (socket as unknown as { _socket: Socket })._socket

/** An absolute-form handshake in raw bytes. */
async function handshake(port: number, authority: string, more = '') {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  socket.write(`GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\n${HANDSHAKE}\r\n${more}`)
  return { socket, head: await readHead(socket) }
}

test('FP-18: a handshake arrives with its own fields, and its answer with its own', async t => {
  const { upstream, daemon } = await scene(t, (_, socket) => void socket.write(SWITCHING))
  const { socket, head } = await handshake(daemon.port, upstream.authority)
  t.match(
    head,
    /^HTTP\/1\.1 101 Switching Protocols\r\nX-Case: Kept\r\nVia: [^\r]*\r\nConnection: Upgrade\r\nUpgrade: websocket$/,
  )
  const seen = upstream.seen[0]?.head ?? ''
  t.match(seen, /\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n/)
  t.match(seen, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nVia: /)
  socket.destroy()
})

test('FP-18: bytes right behind the handshake arrive, in both directions', async t => {
  const server = await startRawServer(t)
  const daemon = await startTestDaemon()
  t.teardown(() => daemon.close())
  const opening = handshake(daemon.port, server.authority, 'from the client')
  const upstream = await server.accepted()
  await readHead(upstream)
  upstream.write(`${SWITCHING}from the server`)
  const { socket } = await opening
  const [[toClient], [toServer]] = await Promise.all([once(socket, 'data'), once(upstream, 'data')])
  t.same([String(toClient), String(toServer)], ['from the server', 'from the client'])
  const rest = readToEnd(upstream)
  socket.end('last words')
  t.equal(String(await rest), 'last words')
  upstream.end('heard')
  t.equal(String(await readToEnd(socket)), 'heard')
})

test('FP-18: a refused handshake passes intact', async t => {
  const { upstream, daemon } = await scene(t, () => answer(403, 'no entry', 'X-Why: origin', 'WWW-Authenticate: Basic'))
  const { socket, head } = await handshake(daemon.port, upstream.authority)
  t.match(head, /^HTTP\/1\.1 403 Status\r\nContent-Length: 8\r\nX-Why: origin\r\nWWW-Authenticate: Basic\r\nVia: /)
  t.equal(String(await readToEnd(socket)), 'no entry')
  socket.destroy()
})

test('L1: a handshake that is answered 503 is tried again, and then switches', async t => {
  const { upstream, daemon } = await scene(t, (seen, socket) => {
    if (seen.number < 3) return answer(503, 'wait')
    socket.write(`${SWITCHING}hello`)
    return undefined
  })
  const { socket, head } = await handshake(daemon.port, upstream.authority)
  t.match(head, /^HTTP\/1\.1 101 [\s\S]*Proxy-Status: mulligan; received-status=503; details="attempts=3/)
  t.equal(upstream.seen.length, 3)
  t.equal(String((await once(socket, 'data'))[0]), 'hello')
  socket.destroy()
})

test('rfc9110-7.8: an offer of h2c is passed over and the request served as it is', async t => {
  const { upstream, daemon } = await scene(t, seen => answer(200, `${seen.method} ${seen.body}`))
  const offer = 'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n'
  const rows: [string, string, string][] = [
    [
      'as Java sends it',
      `Connection: Upgrade, HTTP2-Settings\r\nHost: UP\r\n${offer}Upgrade: h2c\r\nUser-Agent: Java-http-client/17\r\n`,
      'GET ',
    ],
    [
      'as curl sends it',
      `Host: UP\r\nAccept: */*\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n${offer}`,
      'GET ',
    ],
    [
      'with a body',
      `Host: UP\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n${offer}Content-Length: 5\r\n`,
      'POST hello',
    ],
    ['without Connection', 'Host: UP\r\nUpgrade: websocket\r\n', 'GET '],
  ]
  const socket = connect(daemon.port, '127.0.0.1')
  for (const [name, fields, text] of rows) {
    const [method, body = ''] = text.split(' ')
    const answered = readAnswer(socket)
    socket.write(`${method} ${upstream.url}/ HTTP/1.1\r\n${fields.replaceAll('UP', upstream.authority)}\r\n${body}`)
    t.equal((await answered).text, text, name)
    t.notMatch(upstream.seen.at(-1)?.head, /upgrade|http2-settings/i, name)
  }
  socket.destroy()
})

test('L11: 20 MB through an upgraded connection wait for a slow reader instead of filling memory', async t => {
  const server = await startRawServer(t)
  const daemon = await startTestDaemon()
  t.teardown(() => daemon.close())
  const opening = handshake(daemon.port, server.authority)
  const upstream = await server.accepted()
  await readHead(upstream)
  upstream.write(SWITCHING)
  const { socket } = await opening
  for (const [from, to] of [
    [upstream, socket],
    [socket, upstream],
  ] as const) {
    to.pause()
    const chunk = Buffer.alloc(65_536, 'x')
    for (let i = 0; i < 320; i++) from.write(chunk)
    // What neither kernels nor the daemon take stays here: were the daemon unbounded, nothing would.
    await settled(from)
    t.ok(from.writableLength > 8 * 1_048_576, `${from.writableLength} bytes still wait at the sender`)
    let received = 0
    to.on('data', bytes => (received += bytes.length)).resume()
    while (received < 320 * 65_536) await once(to, 'data')
    t.equal(received, 320 * 65_536)
    to.removeAllListeners('data')
  }
  socket.destroy()
  upstream.destroy()
})

/** Resolves when a socket's backlog has stopped shrinking. */
async function settled(socket: Socket): Promise<void> {
  for (let still = 0, last = -1; still < 200; still = socket.writableLength === last ? still + 1 : 0) {
    last = socket.writableLength
    await new Promise(resolve => setImmediate(resolve))
  }
}
