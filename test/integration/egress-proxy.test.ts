import { once } from 'node:events'
import { test } from 'tap'
import { readAnswer, request } from '../support/client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { certificate, daemonFor, leadTo, rootsFile, serve, through } from '../support/next-hop.js'
import { openTunnel, readToEnd, startRawServer } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

const LOCKED = 'listen: { auth: { username: u, password: "p:w" } }\nroutes: [{ name: all, match: { host: "*" } }]'
const BASIC = `Basic ${Buffer.from('u:p:w').toString('base64')}`
const turn = () => new Promise(resolve => setImmediate(resolve))

test('FP-29: an http request goes to the proxy as a whole, with the login of this hop only', async t => {
  const proxy = await serve(t, ({ path }) => answer(200, path))
  const daemon = await daemonFor(t, through(`proxy: "http://u:p%3Aw@${proxy.authority}"`))
  const fields = ['Proxy-Authorization: Basic Y2xpZW50OnM=', 'X-Case: Kept']
  t.equal((await request(daemon.port, 'http://a.test/x?y=1', { fields })).text, 'http://a.test/x?y=1')
  const via = proxy.seen[0]?.header('via')
  t.match(via, /^1\.1 mulligan-[0-9a-f]{8}$/)
  t.equal(
    proxy.seen[0]?.head,
    `GET http://a.test/x?y=1 HTTP/1.1\r\nHost: a.test\r\nX-Case: Kept\r\nVia: ${via}\r\nProxy-Authorization: ${BASIC}`,
  )
  t.equal((await request(daemon.port, 'http://a.test:81/', { method: 'POST', body: 'b' })).text, 'http://a.test:81/')
  t.equal((await request(daemon.port, 'http://a.test', { method: 'OPTIONS' })).text, 'http://a.test', 'OPTIONS *')
  t.equal(proxy.connections(), 2, 'one connection for an origin, kept')
})

test('FP-29: another mulligan as the proxy: the login opens it, and the origin does not see it', async t => {
  const parent = await daemonFor(t, LOCKED)
  const origin = await serve(t, ({ method }) => answer(200, method))
  const secure = await serve(t, ({ method }) => answer(200, method), { tls: certificate })
  const egress = `proxy: { url: "${parent.url}", username: u, password: { env: PW } }, ca_file: ${rootsFile(t)}`
  const daemon = await daemonFor(t, through(egress, secure.port), { ...process.env, PW: 'p:w' })
  for (let i = 0; i < 3; i++) {
    t.equal((await request(daemon.port, `${origin.url}/`)).text, 'GET')
    t.equal((await request(daemon.port, 'http://secure.test/', { method: 'POST', body: 'x' })).text, 'POST')
  }
  for (const { seen, connections } of [origin, secure]) {
    t.equal(seen[0]?.header('proxy-authorization'), undefined)
    t.equal(connections(), 1, 'kept alive through the proxy')
  }
  t.equal(secure.seen[0]?.header('via')?.split(',').length, 1, 'the parent saw only bytes')
  t.match(origin.seen[0]?.head, /\r\nVia: .*\r\nVia: /, 'and heard this one')
  const { socket, status } = await openTunnel(daemon.port, origin.authority)
  t.equal(status, 200)
  socket.write(`GET /t HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`)
  await once(socket, 'data')
  t.equal(origin.seen.at(-1)?.path, '/t')
  socket.destroy()
})

test('FP-29: a wrong login is our fault: 502 without a repeat, and the client is not asked for it', async t => {
  const parent = await daemonFor(t, LOCKED)
  const secure = await serve(t, () => answer(200), { tls: certificate })
  const daemon = await daemonFor(t, through(`proxy: "http://u:wrong@127.0.0.1:${parent.port}"`, secure.port))
  for (const url of ['http://a.test/', 'http://secure.test/']) {
    const refused = await request(daemon.port, url)
    t.equal(refused.status, 502, url)
    t.match(refused.header('proxy-status'), /error=proxy_configuration_error/)
    t.match(refused.text, /"detail":"egress proxy: answered 407".*"code":"connect_failed".*"outcome":"not-sent"/)
    t.equal(refused.header('proxy-authenticate'), undefined)
  }
  const { status, head, socket } = await openTunnel(daemon.port, 'a.test:443')
  t.equal(status, 502)
  t.match(head, /error=proxy_configuration_error/)
  socket.destroy()
  for (const { attempts } of await daemon.logged(3)) t.equal(attempts.length, 1)
  t.equal(secure.connections(), 0)
})

test('FP-29: TLS inside the tunnel is verified by the name of the upstream', async t => {
  const secure = await serve(t, () => answer(200), { tls: certificate })
  const proxy = await serve(t, (_seen, socket) => leadTo(socket, secure.port))
  const roots = `, ca_file: ${rootsFile(t)}`
  for (const [host, extra, status] of [
    ['localhost:9', roots, 200],
    ['127.0.0.1:9', roots, 200],
    ['other.test', roots, 502],
    ['localhost:9', '', 502],
  ] as const) {
    const yaml = `egress: { proxy: "${proxy.url}"${extra} }\nroutes: [{ name: a, match: { host: a.test }, upstream: "https://${host}" }]`
    const daemon = await daemonFor(t, yaml)
    const answered = await request(daemon.port, 'http://a.test/')
    t.equal(answered.status, status, `${host} ${extra}`)
    if (status === 502) t.match(answered.header('proxy-status'), /error=tls_certificate_error$/, 'and not repeated')
    t.equal(proxy.seen.at(-1)?.path, host === 'other.test' ? 'other.test:443' : host)
  }
  while (proxy.open() > 2) await turn()
  t.pass('what was refused is closed')
})

test('FP-29: a proxy behind TLS is verified too, and TLS goes through TLS', async t => {
  const secure = await serve(t, () => answer(200, 'secure'), { tls: certificate })
  const proxy = await serve(
    t,
    ({ method, path }, socket) => (method === 'CONNECT' ? leadTo(socket, secure.port) : answer(200, path)),
    { tls: certificate },
  )
  const trusting = `, ca_file: ${rootsFile(t)}`
  const daemon = await daemonFor(t, through(`proxy: "https://localhost:${proxy.port}"${trusting}`, secure.port))
  t.equal((await request(daemon.port, 'http://a.test/p')).text, 'http://a.test/p')
  const body = 'x'.repeat(200_000)
  t.equal((await request(daemon.port, 'http://secure.test/', { method: 'POST', body })).text, 'secure')
  t.equal(secure.seen[0]?.body.length, body.length)
  const wary = await daemonFor(t, through(`proxy: "https://localhost:${proxy.port}"`))
  const refused = await request(wary.port, 'http://a.test/')
  t.equal(refused.status, 502)
  t.match(refused.text, /"detail":"egress proxy: DEPTH_ZERO_SELF_SIGNED_CERT"/)
})

test('FP-29: WebSocket and other upgrades get a tunnel, and what follows an upgrade is not mixed up', async t => {
  const origin = await serve(t, ({ header }, socket) => {
    if (header('upgrade') === undefined) return answer(200, 'plain')
    socket.removeAllListeners('data')
    socket.on('data', chunk => socket.write(`echo ${chunk}`))
    return 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
  })
  const proxy = await serve(t, ({ method, path }, socket) =>
    method === 'CONNECT' ? leadTo(socket, origin.port) : answer(200, path),
  )
  const daemon = await daemonFor(t, through(`proxy: "http://u:p%3Aw@${proxy.authority}"`))
  t.equal((await request(daemon.port, 'http://a.test/1')).text, 'http://a.test/1')
  const fields = ['Connection: Upgrade', 'Upgrade: echo']
  const switched = await request(daemon.port, 'http://a.test/ws', { fields })
  t.equal(switched.status, 101)
  t.match(proxy.seen.at(-1)?.head, /^CONNECT a\.test:80 HTTP\/1\.1\r\nHost: a\.test:80\r\nVia: 1\.1 mulligan-\w+\r\n/)
  t.equal(proxy.seen.at(-1)?.header('proxy-authorization'), BASIC)
  t.match(origin.seen[0]?.head, /^GET \/ws HTTP\/1\.1\r\n/, 'origin-form inside')
  t.equal(origin.seen[0]?.header('proxy-authorization'), undefined)
  t.equal((await request(daemon.port, 'http://a.test/2')).text, 'http://a.test/2')
})

test('FP-04: an opaque tunnel goes through the proxy, also when the other side speaks first', async t => {
  const server = await startRawServer(t, socket => socket.on('data', chunk => socket.end(`heard ${chunk}`)))
  const greeting = 'HTTP/1.1 200 OK\r\nX-Trace: 1\r\n\r\n220 ready\r\n'
  const proxy = await serve(t, (_seen, socket) => leadTo(socket, server.port, greeting))
  const daemon = await daemonFor(t, through(`proxy: "${proxy.url}"`))
  const { socket, status } = await openTunnel(daemon.port, 'mail.test:25')
  t.equal(status, 200)
  const [hello] = (await once(socket, 'data')) as [Buffer]
  t.equal(String(hello), '220 ready\r\n')
  socket.write('EHLO')
  t.equal(String(await readToEnd(socket)), 'heard EHLO')
  socket.end()
  const [exchange] = await daemon.logged(1)
  t.match(exchange, { mode: 'tunnel', bytes_in: 4, bytes_out: 11 + 10 })
})

test('FP-05: plain HTTP inside CONNECT keeps to the tunnel that was made for it', async t => {
  const origin = await serve(t, ({ path }) => answer(200, path))
  const proxy = await serve(t, (_seen, socket) => leadTo(socket, origin.port))
  const daemon = await daemonFor(t, through(`proxy: "${proxy.url}"`))
  const { socket } = await openTunnel(daemon.port, 'a.test:80')
  for (const path of ['/1', '/2']) {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    t.equal((await readAnswer(socket)).text, path)
  }
  socket.destroy()
  t.equal(proxy.connections(), 1)
})

test('F4: what is intercepted goes on through the proxy', async t => {
  const scene = await interceptedScene(t, ({ number }) => (number === 1 ? answer(503) : answer(200, 'second shot')))
  const proxy = await serve(t, (_seen, socket) => leadTo(socket, scene.upstream.port))
  const yaml = scene.yaml(apiRoute(scene.upstream.port))
  await scene.daemon.reload(yaml.replace('egress: {', `egress: { proxy: "${proxy.url}",`))
  t.equal((await scene.get('/')).text, 'second shot')
  t.same(
    proxy.seen.map(({ method, path }) => `${method} ${path}`),
    [`CONNECT localhost:${scene.upstream.port}`],
  )
})
