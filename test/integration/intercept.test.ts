import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { type Answer, readAnswer } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { apiRoute, interceptedScene, openSecure, UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { endOf, openTunnel, readHead, readToEnd, startRawServer } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

const OWN = new X509Certificate(UPSTREAM_CERTIFICATE.cert).fingerprint256
const quick = (host: string, ...more: string[]): string =>
  `  - { name: x, match: { host: "${host}" }, retry: { backoff: { base: 10ms, cap: 20ms } }${more.map(m => `, ${m}`).join('')} }\n`

/** The certificate that a client sees at the end of a tunnel, whoever vouches for it. */
async function certificateAt(proxy: number, authority: string): Promise<X509Certificate> {
  const socket = await openSecure(proxy, authority, { rejectUnauthorized: false })
  const certificate = socket.getPeerX509Certificate()
  socket.destroy()
  if (certificate === undefined) throw new Error('no certificate')
  return certificate
}

test('F4: policies reach inside a tunnel to a host that a route names', async t => {
  const scene = await interceptedScene(t, ({ number }) => (number === 1 ? answer(503) : answer(200, 'second shot')))
  const got = await scene.get('/v1/things?a=b', 'X-Case: Kept')
  t.equal(got.status, 200)
  t.equal(got.text, 'second shot')
  t.match(got.header('proxy-status'), /attempts=2/)
  t.equal(scene.upstream.seen.length, 2)
  t.match(
    scene.upstream.seen[1]?.head,
    /^GET \/v1\/things\?a=b HTTP\/1.1\r\nHost: localhost:\d+\r\nX-Case: Kept\r\nVia: 1.1 mulligan-/,
  )
  const [record] = await scene.daemon.logged(1)
  t.match(record, {
    route: 'api',
    mode: 'intercept',
    method: 'GET',
    host: /^localhost:/,
    path: '/v1/things',
    status: 200,
  })
})

test('F4: the leaf is for the CONNECT host alone, on P-256, for at most 30 days, signed by the local CA', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  const socket = await scene.open()
  const leaf = socket.getPeerX509Certificate() as X509Certificate
  socket.destroy()
  t.equal(leaf.subjectAltName, 'DNS:api.test')
  t.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.ok(Date.parse(leaf.validTo) - Date.parse(leaf.validFrom) <= 30 * 86_400_000)
  t.ok(leaf.verify(new X509Certificate(scene.ca()).publicKey))
})

test('F4: only hosts that a route with policies names are decrypted', async t => {
  const cases: [name: string, routes: string, opaque: boolean][] = [
    ['an exact host', quick('localhost'), false],
    ['the catch-all', quick('*'), true],
    ['another host', quick('api.test'), true],
    ['a suffix that does not fit', quick('*.localhost'), true],
    ['the catch-all that says so', quick('*', 'tls: intercept'), false],
    ['an exact host that says no', quick('localhost', 'tls: tunnel'), true],
    ['no policies', `  - { name: x, match: { host: localhost }, retry: off, cooldown: off, breaker: off }\n`, true],
    ['plain http only', `  - { name: x, match: { host: localhost, scheme: http } }\n`, true],
    ['another port', `  - { name: x, match: { host: localhost, port: 1 } }\n`, true],
    ['a tunnel route first', `${quick('localhost', 'tls: tunnel')}  - { name: y, match: { host: localhost } }\n`, true],
    ['the catch-all first', `${quick('*')}  - { name: y, match: { host: localhost } }\n`, false],
  ]
  const scene = await interceptedScene(t, () => answer(200))
  for (const [name, routes, opaque] of cases) {
    await scene.daemon.reload(scene.yaml(routes))
    const { fingerprint256 } = await certificateAt(scene.daemon.port, `localhost:${scene.upstream.port}`)
    t.equal(fingerprint256 === OWN, opaque, name)
  }
  await scene.daemon.reload(`intercept: off\n${scene.yaml(quick('localhost'))}`)
  t.equal((await certificateAt(scene.daemon.port, `localhost:${scene.upstream.port}`)).fingerprint256, OWN, 'off')
})

test('FP-07: an IP address, with or without a name asked for, gets a leaf for the address', async t => {
  const scene = await interceptedScene(
    t,
    () => answer(200),
    () => quick('127.0.0.1') + quick('::1').replace('x', 'y'),
  )
  const socket = await scene.open(`127.0.0.1:${scene.upstream.port}`)
  const leaf = socket.getPeerX509Certificate() as X509Certificate
  t.equal(leaf.subjectAltName, 'IP Address:127.0.0.1')
  const got = readAnswer(socket)
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${scene.upstream.port}\r\n\r\n`)
  t.equal((await got).status, 200)
  const six = await scene.open('[::1]:443')
  t.equal((six.getPeerX509Certificate() as X509Certificate).subjectAltName, 'IP Address:0:0:0:0:0:0:0:1')
  six.destroy()
})

test('F3: a request for another host than the tunnel was opened to is misdirected', async t => {
  const scene = await interceptedScene(t, () => answer(200, 'reached'))
  const ask = async (head: string, servername = 'api.test'): Promise<Answer> => {
    const socket = await scene.open('api.test:443', { servername, checkServerIdentity: () => undefined })
    const got = readAnswer(socket)
    socket.write(`${head}\r\n\r\n`)
    const result = await got
    socket.destroy()
    return result
  }
  const cases: [string, number, string?][] = [
    ['GET / HTTP/1.1\r\nHost: api.test', 200],
    ['GET / HTTP/1.1\r\nHost: API.test.:443', 200],
    ['GET https://api.test/ HTTP/1.1\r\nHost: other.test', 200],
    ['GET / HTTP/1.1\r\nHost: other.test', 421],
    ['GET / HTTP/1.1\r\nHost: api.test:80', 421],
    ['GET https://other.test/ HTTP/1.1\r\nHost: api.test', 421],
    ['GET http://api.test:443/ HTTP/1.1\r\nHost: api.test', 421],
    ['GET / HTTP/1.1\r\nHost: api.test', 421, 'other.test'],
    ['GET https://api.test/ HTTP/1.1\r\nHost: api.test', 421, 'other.test'],
    ['GET / HTTP/1.1\r\nHost: other.test', 421, 'other.test'],
  ]
  for (const [head, status, servername] of cases) t.equal((await ask(head, servername)).status, status, head)
  t.equal(scene.upstream.seen.length, 3, 'nothing misdirected was sent')
})

test('FP-05: the tunnel is dialled when a request comes, and a dead upstream is a 502 inside it', async t => {
  const daemon = await startTestDaemon(`routes:\n${quick('localhost', 'timeout: { total: 2s }')}`)
  t.teardown(() => daemon.close())
  const socket = await openSecure(daemon.port, 'localhost:1', { rejectUnauthorized: false })
  t.equal(daemon.daemon.holds().upstreamConnections, 0)
  const got = readAnswer(socket)
  socket.write('GET / HTTP/1.1\r\nHost: localhost:1\r\n\r\n')
  const { status, text } = await got
  t.equal(status, 502)
  t.match(JSON.parse(text), { code: 'connect_failed', outcome: 'not-sent' })
  socket.destroy()
})

test('F4: an upstream whose certificate nobody vouches for gets no request', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  const distrustful = await startTestDaemon(`routes:\n${apiRoute(scene.upstream.port)}`)
  t.teardown(() => distrustful.close())
  const socket = await openSecure(distrustful.port, 'api.test:443', { rejectUnauthorized: false })
  const got = readAnswer(socket)
  socket.write('GET / HTTP/1.1\r\nHost: api.test\r\n\r\n')
  const { status, text } = await got
  socket.destroy()
  t.equal(status, 502)
  t.match(JSON.parse(text), { code: 'tls_failed', outcome: 'not-sent' })
  t.equal(scene.upstream.seen.length, 0)
  const [record] = await distrustful.logged(1)
  t.equal(record?.attempts.length, 1, 'never repeated (R1)')
})

test('FP-05: plain HTTP inside a tunnel to a named host gets the policies too', async t => {
  const scene = await interceptedScene(t, ({ number }) => (number === 1 ? answer(503) : answer(200, 'plain')))
  const { socket, status } = await openTunnel(
    scene.daemon.port,
    'api.test:80',
    'GET /p HTTP/1.1\r\nHost: api.test\r\n\r\n',
  )
  t.equal(status, 200)
  const { text } = await readAnswer(socket)
  t.equal(text, 'plain')
  socket.destroy()
  t.match((await scene.daemon.logged(1))[0], { mode: 'forward', route: 'api', status: 200 })
})

test('FP-05: what is neither TLS nor HTTP passes untouched, also to a named host', async t => {
  const server = await startRawServer(t)
  const daemon = await startTestDaemon(`routes:\n${quick('127.0.0.1')}`)
  t.teardown(() => daemon.close())
  for (const greeting of ['SSH-2.0-x\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x17\x03\x03', 'get / HTTP/1.1\r\n']) {
    const { socket } = await openTunnel(daemon.port, server.authority, greeting)
    const upstream = await server.accepted()
    const [chunk] = (await once(upstream, 'data')) as [Buffer]
    t.equal(chunk.toString('latin1'), greeting)
    upstream.end('bye')
    t.equal((await readToEnd(socket)).toString(), 'bye')
    socket.end()
  }
})

test('FP-23: fifty first connections at once get one certificate', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  const serials = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = await scene.open()
      const { serialNumber } = socket.getPeerX509Certificate() as X509Certificate
      socket.destroy()
      return serialNumber
    }),
  )
  t.equal(new Set(serials).size, 1)
})

test('FP-24: a client that does not trust the CA is logged once per host, with the remedy', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  for (let i = 0; i < 3; i++) await t.rejects(scene.open('api.test:443', { ca: UPSTREAM_CERTIFICATE.cert }))
  await scene.daemon.logged(0)
  const warnings = () => scene.daemon.lines.filter(({ level }) => level === 40)
  // A client of Node leaves without an alert; it is told from the close.
  const probe = await scene.get('/')
  t.equal(probe.status, 200)
  t.equal(warnings().length, 1)
  t.match(warnings()[0], { host: 'api.test', msg: /does not trust the local CA.*mulligan env/ })
})

test('L8: a cut answer breaks the client inside TLS too', async t => {
  const scene = await interceptedScene(t, (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    setImmediate(() => socket.destroy())
    return undefined
  })
  const got = await scene.get('/')
  t.equal(got.status, 200)
  t.ok(got.broken)
})

test('L9: a client that leaves inside TLS ends its attempt', async t => {
  let ended: Promise<string> = Promise.resolve('')
  let arrived: () => void = () => undefined
  const seen = new Promise<void>(resolve => (arrived = resolve))
  const scene = await interceptedScene(t, (_, socket) => {
    ended = endOf(socket)
    arrived()
    return undefined
  })
  const socket = await scene.open()
  socket.write('GET / HTTP/1.1\r\nHost: api.test\r\n\r\n')
  await seen
  socket.destroy()
  await ended
  t.match((await scene.daemon.logged(1))[0], { end: 'client-gone' })
})

test('L12: 103 and trailers arrive inside TLS', async t => {
  const scene = await interceptedScene(
    t,
    () =>
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n',
  )
  const socket = await scene.open()
  socket.write('GET / HTTP/1.1\r\nHost: api.test\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n')
  t.match(await readHead(socket), /^HTTP\/1.1 103 /)
  t.match((await readToEnd(socket)).toString(), /^HTTP\/1.1 200 [\s\S]*2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n$/)
})

test('FP-18: a WebSocket works over an intercepted host', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  const { url, close } = await startSecureEcho()
  t.teardown(close)
  await scene.daemon.reload(scene.yaml(apiRoute(Number(new URL(url).port))))
  const secure = await scene.open()
  const socket = new WebSocket('wss://api.test/chat', { createConnection: () => secure })
  await once(socket, 'open')
  socket.send('over TLS')
  const [data] = (await once(socket, 'message')) as [Buffer]
  t.equal(String(data), '/chat over TLS')
  socket.close()
  await once(socket, 'close')
  t.match((await scene.daemon.logged(1))[0], { mode: 'upgrade', status: 101 })
})

async function startSecureEcho(): Promise<{ url: string; close: () => void }> {
  const { createServer } = await import('node:https')
  const server = createServer(UPSTREAM_CERTIFICATE)
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => socket.on('message', data => socket.send(`${request.url} ${data}`)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `https://localhost:${port}`,
    close: () => {
      for (const socket of sockets.clients) socket.terminate()
      server.close()
    },
  }
}

test('F7: a reload starts and ends interception, and a kept tunnel goes on', async t => {
  const scene = await interceptedScene(
    t,
    () => answer(200),
    () => quick('other.test'),
  )
  const authority = `localhost:${scene.upstream.port}`
  t.equal((await certificateAt(scene.daemon.port, authority)).fingerprint256, OWN)
  await scene.daemon.reload(scene.yaml(quick('localhost')))
  const kept = await scene.open(authority)
  await scene.daemon.reload(scene.yaml(quick('other.test')))
  t.equal((await certificateAt(scene.daemon.port, authority)).fingerprint256, OWN)
  const got = readAnswer(kept)
  kept.write(`GET / HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  t.equal((await got).status, 200)
  kept.destroy()
})

test('F7: a reload trusts the roots of the new file, for what is dialled from then on', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  await scene.daemon.reload(`routes:\n${apiRoute(scene.upstream.port)}`)
  t.equal((await scene.get('/')).status, 502)
  await scene.daemon.reload(scene.yaml(apiRoute(scene.upstream.port)))
  t.equal((await scene.get('/')).status, 200)
})

test('F7: an idle intercepted connection does not hold up the end', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  const socket = await scene.open()
  const got = readAnswer(socket)
  socket.write('GET / HTTP/1.1\r\nHost: api.test\r\n\r\n')
  await got
  const gone = endOf(socket)
  t.equal(await scene.daemon.daemon.drain(), true, 'nothing had to be cut')
  await gone
})
