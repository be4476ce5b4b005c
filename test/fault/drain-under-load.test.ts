import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { ClientHttp2Session } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as startTls, type TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import { type Answer, readAnswer, requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import { ask, http2Session } from '../support/http2-client.js'
import { openSecure, UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { atAnswer, freshLane, keepAliveLane, newTally } from '../support/load-lanes.js'
import { makeHome } from '../support/mulligan.js'
import { openTunnel, startRawServer } from '../support/tunnel.js'
import { startUpstream } from '../support/upstream.js'

/** 64 connections of clients in all. */
const KEPT = 24
const FRESH = 8
const SLOW = 8
const UPLOADS = 8
const TUNNELS = 8
const SESSIONS = 8

const DRAIN_S = 10
const HALF = Buffer.alloc(40_000, 'u')

type Held = { readonly response: ServerResponse; readonly request: IncomingMessage }

/** An upstream that answers `/quick` at once, and the others when it is told to. */
async function startScene(t: Test) {
  const held: Held[] = []
  let wake: () => void = () => undefined
  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    if (request.url === '/quick') {
      response.end('quick')
      return
    }
    if (request.url === '/slow') response.writeHead(200, { 'content-length': 12 }).write('begun,')
    held.push({ response, request })
    wake()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    held,
    holds: async (count: number) => {
      while (held.length < count) await new Promise<void>(resolve => (wake = resolve))
    },
    /** Ends everything that waits; uploads are told how much came. */
    release: () => {
      for (const { request, response } of held) {
        if (request.url === '/slow') response.end('ended.')
        else void text(request).then(body => response.end(`got ${body.length}`))
      }
    },
  }
}

/** The daemon as a process, with a route that is intercepted; its CA is in `state`. */
async function startDaemonFor(t: Test, httpsPort: number) {
  const home = makeHome(
    t,
    `
state: state
shutdown: { drain: ${DRAIN_S}s }
egress: { ca_file: roots.pem }
limits: { header_bytes: 16KiB, event_loop_lag: 60s }
routes:
  - { name: api, match: { host: api.test }, upstream: "https://localhost:${httpsPort}" }
  - { name: all, match: { host: "*" }, timeout: { per_try: 30s } }
`,
  )
  writeFileSync(join(home.folder, 'roots.pem'), UPSTREAM_CERTIFICATE.cert)
  const daemon = await startLive(t, home)
  const ca = () => readFileSync(join(home.folder, 'state', 'ca.pem'), 'utf8')
  return { daemon, ca }
}

/** A request whose answer waits. @param first what of its body is sent now */
async function hold(port: number, url: string, path: string, body?: Buffer, first?: Buffer) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const answered = readAnswer(socket)
  const bytes = requestBytes(`${url}${path}`, body === undefined ? {} : { method: 'POST', body })
  socket.write(first === undefined ? bytes : bytes.subarray(0, bytes.length - first.length))
  return { socket, answered, rest: first }
}

type Session = { readonly session: ClientHttp2Session; readonly running: ReturnType<typeof ask>; goaway: number }

/** HTTP/2 inside an intercepted tunnel, with a request that waits. */
async function holdStream(t: Test, { port }: LiveDaemon, ca: () => string): Promise<Session> {
  const open = (authority = 'api.test:443', options = {}) => openSecure(port, authority, { ca: ca(), ...options })
  const session = await http2Session(t, { open })
  const held: Session = { session, running: ask(session, { ':path': '/held' }), goaway: 0 }
  session.on('goaway', () => held.goaway++)
  return held
}

/** The stream of events of the admin side, from its first event on. */
async function readEvents({ admin }: LiveDaemon) {
  const [host = '', port = ''] = admin.split(':')
  const socket = connect(Number(port), host)
  const chunks: string[] = []
  let error: string | undefined
  socket.on('data', chunk => chunks.push(String(chunk)))
  socket.on('error', reason => (error = (reason as NodeJS.ErrnoException).code))
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: ${admin}\r\n\r\n`)
  await once(socket, 'data')
  return { closed: once(socket, 'close'), said: () => chunks.join(''), error: () => error }
}

test('F7: SIGTERM under load fails no request that was sent before it, and ends the process in time', async t => {
  const scene = await startScene(t)
  const streams: Socket[] = []
  const https = await startUpstream(
    (_seen, socket) => {
      streams.push(socket)
      return undefined
    },
    { tls: UPSTREAM_CERTIFICATE },
  )
  t.teardown(() => https.close())
  const echo = await startRawServer(t, socket => socket.pipe(socket))
  const { daemon, ca } = await startDaemonFor(t, https.port)
  const { port } = daemon
  const events = await readEvents(daemon)
  const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, make))
  const slow = await times(SLOW, () => hold(port, scene.url, '/slow'))
  const uploads = await times(UPLOADS, () => hold(port, scene.url, '/upload', Buffer.concat([HALF, HALF]), HALF))
  const tunnels = await times(TUNNELS, () => openTunnel(port, echo.authority))
  const sessions = await times(SESSIONS, () => holdStream(t, daemon, ca))
  await scene.holds(SLOW + UPLOADS)
  await until(() => streams.length === SESSIONS)
  for (const { socket } of tunnels) await echoes(socket, 'before')

  const tally = newTally()
  const moment = atAnswer(800, () => process.kill(daemon.pid, 'SIGTERM'))
  const load = [
    ...Array.from({ length: KEPT }, () => keepAliveLane(port, `${scene.url}/quick`, moment, tally)),
    ...Array.from({ length: FRESH }, () => freshLane(port, `${scene.url}/quick`, moment, tally)),
  ]
  await daemon.said(({ msg }) => msg === 'draining')
  const since = performance.now()
  await Promise.all(load)
  t.strictSame(tally.failed, [], 'every request that was sent before got its whole answer')
  t.ok(tally.whole >= 800)
  t.comment(`${tally.whole} whole, ${tally.turnedAway} turned away, ${tally.toldToClose} connections told to close`)

  for (const { socket, rest } of uploads) socket.write(rest as Buffer)
  for (const { socket } of tunnels) await echoes(socket, 'after')
  for (const { socket } of tunnels) socket.end()
  scene.release()
  for (const socket of streams) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstream')
  const answers = await Promise.all([...slow, ...uploads].map(({ answered }) => answered))
  const texts = answers.map(({ text }) => text)
  t.strictSame(texts.slice(0, SLOW), Array(SLOW).fill('begun,ended.'))
  t.strictSame(texts.slice(SLOW), Array(UPLOADS).fill(`got ${2 * HALF.length}`))
  t.ok(answers.slice(SLOW).every(isLast), 'an answer that began after it says that the connection closes')
  for (const held of sessions) {
    t.match(await held.running, { status: 200, text: 'stream', code: 0 })
    t.equal(held.goaway > 0, true, 'GOAWAY came')
  }
  t.strictSame(await daemon.gone, [0, null], 'exit code 0')
  t.ok(performance.now() - since < DRAIN_S * 1_000)
  t.match(await daemon.said(({ msg }) => msg === 'stopped'), { clean: true })
  await events.closed
  t.equal(events.error(), undefined, 'the stream of events ends, and does not break off')
  t.match(events.said(), /^HTTP\/1\.1 200 .*event: /s)
})

const isLast = ({ header }: Answer): boolean => header('connection') === 'close'

async function echoes(socket: Socket, word: string): Promise<void> {
  const came = once(socket, 'data')
  socket.write(word)
  const [bytes] = (await came) as [Buffer]
  if (String(bytes) !== word) throw new Error(`the tunnel said ${String(bytes)}`)
}

test('F7: TLS that begins during the shutdown, and asks for nothing, does not hold up the end', async t => {
  const https = await startUpstream(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', {
    tls: UPSTREAM_CERTIFICATE,
  })
  t.teardown(() => https.close())
  const { daemon, silent } = await secureWhileDraining(t, https.port)
  silent.resume()
  t.strictSame(await daemon.gone, [0, null])
  t.match(await daemon.said(({ msg }) => msg === 'stopped'), { clean: true })
})

/** A tunnel that says nothing is closed within the shutdown: who is held up before his first word comes too late. */
async function secureWhileDraining(t: Test, httpsPort: number, tries = 8) {
  const { daemon, ca } = await startDaemonFor(t, httpsPort)
  const { socket } = await openTunnel(daemon.port, 'api.test:443')
  daemon.kill('SIGTERM')
  await daemon.said(({ msg }) => msg === 'draining')
  try {
    return { daemon, silent: await secure(socket, ca()) }
  } catch (error) {
    if (tries === 1) throw error
    return secureWhileDraining(t, httpsPort, tries - 1)
  }
}

async function secure(socket: Socket, ca: string): Promise<TLSSocket> {
  const client = startTls({ socket, servername: 'api.test', ca })
  await once(client, 'secureConnect')
  client.on('error', () => undefined)
  return client.on('end', () => client.end())
}
