import { connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { certificate, daemonFor, leadTo, rootsFile, serve, through } from '../support/next-hop.js'
import { freePort, openTunnel, readToEnd } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

type Reply = string | ((socket: Socket) => undefined)

/** A secure origin behind a proxy that answers one CONNECT after the other as told; the last answer stands. */
async function behind(t: Test, replies: readonly Reply[], rest = '') {
  const origin = await serve(t, ({ body }) => answer(200, `got ${body}`), { tls: certificate })
  const proxy = await serve(t, ({ number }, socket) => {
    const reply = replies[Math.min(number, replies.length) - 1] ?? ''
    if (typeof reply === 'function') return reply(socket)
    return reply.startsWith('HTTP/1.1 200') || reply.startsWith('HTTP/1.1 100')
      ? leadTo(socket, origin.port, reply)
      : reply
  })
  const egress = `proxy: "${proxy.url}", ca_file: ${rootsFile(t)}`
  const daemon = await daemonFor(t, through(egress, origin.port, rest))
  return { origin, proxy, daemon }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

const OPEN = 'HTTP/1.1 200 OK\r\n\r\n'
const close = (socket: Socket): undefined => {
  socket.end()
}
const reset = (socket: Socket): undefined => {
  socket.resetAndDestroy()
}

test('R1: what a proxy answers to CONNECT says whether the way may open at another try', async t => {
  const rows: [name: string, replies: Reply[], status: number, fault: string, attempts: number][] = [
    [
      'a login is wanted',
      [answer(407, 'who?', 'Proxy-Authenticate: Basic realm="x"')],
      502,
      'proxy_configuration_error',
      1,
    ],
    ['forbidden', [answer(403, 'no')], 403, 'http_request_denied', 1],
    ['forbidden by law', [answer(451)], 403, 'http_request_denied', 1],
    ['no CONNECT here', [answer(405)], 502, 'proxy_configuration_error', 1],
    ['not a proxy', [answer(404, 'a page')], 502, 'proxy_configuration_error', 1],
    ['a redirect', [answer(302, '', 'Location: http://login.test/')], 502, 'proxy_configuration_error', 1],
    ['not implemented', [answer(501)], 502, 'proxy_configuration_error', 1],
    ['a loop further on', [answer(508)], 508, 'proxy_loop_detected', 1],
    ['unreachable', [answer(502, 'dns')], 502, 'destination_unavailable', 3],
    ['busy', [answer(503, '', 'Retry-After: 0')], 502, 'destination_unavailable', 3],
    ['limited', [answer(429)], 502, 'destination_unavailable', 3],
    ['timed out', [answer(504)], 502, 'connection_timeout', 3],
    ['an answer without an end', ['HTTP/1.1 503 Busy\r\n\r\nhalf a page'], 502, 'destination_unavailable', 3],
    ['another protocol', ['SSH-2.0-x\r\n'], 502, 'connection_terminated', 3],
    ['101', ['HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n'], 502, 'connection_terminated', 3],
    ['nine interim answers', ['HTTP/1.1 102 P\r\n\r\n'.repeat(9)], 502, 'connection_terminated', 3],
    ['a head that does not end', [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`], 502, 'connection_terminated', 3],
    ['half a head', [socket => void socket.end('HTTP/1.1 200 O')], 502, 'connection_terminated', 3],
    ['a close', [close], 502, 'connection_terminated', 3],
    ['a reset', [reset], 502, 'connection_terminated', 3],
  ]
  for (const [name, replies, status, fault, attempts] of rows) {
    const { proxy, origin, daemon } = await behind(t, replies)
    const options = { method: 'POST', body: 'once' }
    const answered = await request(daemon.port, 'http://secure.test/', options)
    t.equal(answered.status, status, name)
    t.match(answered.header('proxy-status'), new RegExp(`error=${fault}(;|$)`), name)
    t.match(answered.text, /"detail":"egress proxy: .*"outcome":"not-sent"/, name)
    t.equal(proxy.seen.length, attempts, `${name}: attempts`)
    const opaque = await openTunnel(daemon.port, 'a.test:443')
    t.equal(opaque.status, status, `${name}: opaque tunnel`)
    opaque.socket.destroy()
    t.equal(origin.connections(), 0, name)
    while (proxy.open() > 0) await turn()
    t.match(
      (await daemon.logged(2)).map(exchange => exchange.attempts.length),
      [attempts, attempts],
      name,
    )
  }
})

test('R1: a POST is repeated when the proxy was not ready, because nothing of it was sent', async t => {
  const first: [string, Reply][] = [
    ['busy', answer(503, 'later', 'Retry-After: 0')],
    ['closed', close],
    ['reset', reset],
    ['junk', 'junk\r\n\r\n'],
  ]
  for (const [name, reply] of first) {
    const { origin, daemon } = await behind(t, [reply, OPEN])
    const answered = await request(daemon.port, 'http://secure.test/', { method: 'POST', body: name })
    t.equal(answered.text, `got ${name}`)
    t.equal(origin.seen.length, 1, name)
    const [exchange] = await daemon.logged(1)
    t.match(exchange?.attempts, [{ why: 'never-sent' }, { outcome: '200' }], name)
  }
})

test('R1: a tunnel that breaks under a request is a broken connection: a GET is repeated, a POST is not', async t => {
  const tunnels: Socket[] = []
  const origin = await serve(
    t,
    ({ number, method }) => {
      if (number > 1 && method === 'GET') return answer(200, 'second')
      tunnels.at(-1)?.resetAndDestroy()
      return undefined
    },
    { tls: certificate },
  )
  const proxy = await serve(t, (_seen, socket) => {
    tunnels.push(socket)
    return leadTo(socket, origin.port)
  })
  const daemon = await daemonFor(t, through(`proxy: "${proxy.url}", ca_file: ${rootsFile(t)}`, origin.port))
  t.equal((await request(daemon.port, 'http://secure.test/')).text, 'second')
  const fields = ['Connection: close']
  const post = await request(daemon.port, 'http://secure.test/', { method: 'POST', body: 'x', fields })
  t.equal(post.status, 502)
  t.match(post.text, /"code":"reset".*"outcome":"unknown"/)
  while (proxy.open() > 0) await turn()
})

test('rfc9110-9.3.6: interim answers and a length before the tunnel change nothing', async t => {
  for (const head of [
    'HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n',
  ]) {
    const { daemon } = await behind(t, [head])
    t.equal((await request(daemon.port, 'http://secure.test/')).text, 'got ', head)
  }
})

test('timeout.connect covers the proxy and the TLS behind it', async t => {
  const limit = ', timeout: { connect: 100ms }'
  const silent: [string, Reply, RegExp][] = [
    ['a proxy that says nothing', () => undefined, /no connection in 100 ms/],
    ['a proxy that opens and says nothing', OPEN, /no connection in 100 ms/],
  ]
  for (const [name, reply, detail] of silent) {
    const dark = await serve(t, () => undefined, { onConnection: socket => socket.pause() })
    const proxy = await serve(t, (_seen, socket) =>
      typeof reply === 'string' ? leadTo(socket, dark.port, reply) : reply(socket),
    )
    const daemon = await daemonFor(t, through(`proxy: "${proxy.url}"`, 443, limit))
    const answered = await request(daemon.port, 'http://secure.test/')
    t.equal(answered.status, 502, name)
    t.match(answered.header('proxy-status'), /error=connection_timeout; details="attempts=3;/)
    t.match(answered.text, detail)
    while (proxy.open() > 0) await turn()
  }
})

test('a proxy whose tunnel is not TLS at its end, or breaks, is told as TLS', async t => {
  for (const leads of [
    (socket: Socket) => void socket.write(`${OPEN}not TLS at all\r\n`),
    (socket: Socket) => void socket.end(OPEN),
  ]) {
    const { proxy, daemon } = await behind(t, [leads as Reply])
    const answered = await request(daemon.port, 'http://secure.test/')
    t.match(answered.header('proxy-status'), /error=tls_protocol_error; details="attempts=3;/)
    while (proxy.open() > 0) await turn()
  }
})

test('L9: a client that leaves while the proxy thinks takes the dial with it', async t => {
  const { proxy, daemon } = await behind(t, [() => undefined])
  for (const head of [
    'GET http://secure.test/ HTTP/1.1\r\nHost: x\r\n\r\n',
    'CONNECT a.test:1 HTTP/1.1\r\nHost: a.test:1\r\n\r\n',
  ]) {
    const seen = proxy.seen.length
    const client = connect(daemon.port, '127.0.0.1')
    client.write(head)
    while (proxy.seen.length === seen) await turn()
    client.destroy()
    while (proxy.open() > 0) await turn()
  }
  const [first, second] = await daemon.logged(2)
  t.match([first?.end, second?.end], ['client-gone', 'client-gone'])
})

test('an http request whose proxy cannot be reached was not sent', async t => {
  const port = await freePort()
  const daemon = await daemonFor(t, through(`proxy: "http://127.0.0.1:${port}"`))
  const answered = await request(daemon.port, 'http://a.test/', { method: 'POST', body: 'x' })
  t.match(answered.header('proxy-status'), /error=connection_refused; details="attempts=3;/)
  t.match(answered.text, /"detail":"egress proxy: ECONNREFUSED".*"outcome":"not-sent"/)
  const { status, socket } = await openTunnel(daemon.port, 'a.test:443')
  t.equal(status, 502)
  t.match(String(await readToEnd(socket)), /egress proxy: ECONNREFUSED/)
})
