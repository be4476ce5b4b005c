import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { Effects } from './effects.js'
import { ROUTES, type RouteName } from './errand.js'
import { diceOf } from './seeded.js'
import type { Spoil, UpstreamOrder, UpstreamPorts, UpstreamReport } from './settings.js'
import { TokenOffice } from './token-office.js'
import { type Site, serveOrigin } from './upstream-origin.js'
import { ECHO, wishOf } from './upstream-request.js'

/** The upstream of the soak: an origin for each route, a token endpoint, and an echo for tunnels. Says its ports to its parent. */
const order = JSON.parse(process.argv[2] ?? '') as UpstreamOrder
const { canary, secret, seed } = order
const left = new Set<Spoil>(order.spoils)
const office = new TokenOffice(canary, secret, diceOf(seed))
const site: Site = {
  effects: new Effects(),
  office,
  canary,
  spoils: what => left.delete(what),
  found: { cutUploads: 0, strayTokens: 0 },
}
/** Nobody's connection is closed under a request, but where that is the trouble. */
const KEEP_ALIVE = 60_000

function originOf(route: RouteName): Server {
  const serve = (request: IncomingMessage, response: ServerResponse) => serveOrigin(site, route, request, response)
  const options = { keepAliveTimeout: KEEP_ALIVE, requestTimeout: 0, noDelay: true }
  const files = { cert: readFileSync(order.certificate), key: readFileSync(order.key) }
  const server = route === 'tls' ? createTlsServer({ ...files, ...options }, serve) : createServer(options, serve)
  // A client of the daemon may be gone before it is answered.
  return server.on('upgrade', upgrade).on('clientError', (_, socket) => socket.destroy())
}

/** RFC 6455 §4.2.2: the handshake; then what comes goes back. */
function upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
  const asked = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Accept: ${createHash('sha1').update(asked).digest('base64')}`,
    `${ECHO}: ${wishOf(request).id}`,
  ]
  socket.on('error', () => socket.destroy())
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(early)
  socket.pipe(socket)
}

const echo = createTcpServer(socket => {
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
})

async function listen(server: TcpServer): Promise<number> {
  // A thousand clients may come at once.
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function report(): UpstreamReport {
  const { arrivals, effects, bareRepeats, duplicates, otherKeys } = site.effects
  return { arrivals, effects, bareRepeats, duplicates, otherKeys, ...site.found, tokens: office.issued }
}

const ports = await Promise.all(ROUTES.map(async route => [route, await listen(originOf(route))] as const))
const all: UpstreamPorts = {
  ...(Object.fromEntries(ports) as Record<RouteName, number>),
  echo: await listen(echo),
  token: await listen(createServer(office.serve)),
}
process.on('message', () => process.send?.(report()))
process.on('disconnect', () => process.exit(0))
process.send?.(all)
