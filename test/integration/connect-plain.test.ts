import { once } from 'node:events'
import { test } from 'tap'
import { EnvHttpProxyAgent, fetch, request } from 'undici'
import { readAnswer } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { scene } from '../support/scene.js'
import { openTunnel, readToEnd, startRawServer } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

test('FP-05: plain HTTP inside CONNECT, as undici sends it, gets the retries of its route', async t => {
  const { upstream, daemon, url } = await scene(t, seen =>
    seen.number % 2 === 1 ? answer(503) : answer(200, `${seen.method} ${seen.body}`),
  )
  const dispatcher = new EnvHttpProxyAgent({ httpProxy: daemon.url, httpsProxy: daemon.url, noProxy: '' })
  t.teardown(() => dispatcher.close())
  const fetched = await fetch(url, { dispatcher })
  t.equal(await fetched.text(), 'GET ')
  t.match(fetched.headers.get('proxy-status'), /attempts=2/)
  const put = await request(url, { dispatcher, method: 'PUT', body: 'hello' })
  t.equal(await put.body.text(), 'PUT hello')
  t.equal(upstream.seen.length, 4)
  t.notMatch(upstream.seen[0]?.head, /proxy-/i)
  const exchanges = (await daemon.logged(3)).filter(({ mode }) => mode !== 'tunnel')
  t.same(
    exchanges.map(({ mode, status, attempts }) => `${mode} ${status} ${attempts.length}`),
    ['forward 200 2', 'forward 200 2'],
  )
})

test('FP-05: a tunnel of plain HTTP keeps its connection and runs request after request', async t => {
  const { upstream, daemon } = await scene(t, seen => answer(200, seen.path))
  const { socket } = await openTunnel(daemon.port, upstream.authority)
  for (const path of ['/1', '/2', '/3']) {
    const answered = readAnswer(socket)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`)
    t.equal((await answered).text, path)
  }
  const last = readAnswer(socket)
  socket.write(`GET ${upstream.url}/4 HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`)
  t.equal((await last).text, '/4', 'absolute-form of the same host is fine')
  t.equal(upstream.connections(), 1, 'the connection that was dialled for the tunnel is the one that is used')
  socket.destroy()
})

test('FP-05: a request right behind the CONNECT, and one that comes byte by byte, are seen for what they are', async t => {
  const { upstream, daemon } = await scene(t, seen => (seen.number === 1 ? answer(503) : answer(200, seen.path)))
  const text = `GET /early HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`
  const early = await openTunnel(daemon.port, upstream.authority, text)
  t.equal((await readAnswer(early.socket)).text, '/early')
  const slow = await openTunnel(daemon.port, upstream.authority)
  const answered = readAnswer(slow.socket)
  slow.socket.setNoDelay(true)
  for (const byte of text) await new Promise(resolve => slow.socket.write(byte, resolve))
  t.equal((await answered).text, '/early')
  early.socket.destroy()
  slow.socket.destroy()
})

test('F3: inside a tunnel every request is for the target of the CONNECT, else 421', async t => {
  const { upstream, daemon } = await scene(t, seen => answer(200, seen.path))
  const { authority, port } = upstream
  const rows: [string, string, string, number][] = [
    ['its own Host', '/', authority, 200],
    ['a foreign Host', '/', 'evil.test', 421],
    ['another port', '/', '127.0.0.1:1', 421],
    ['no port', '/', '127.0.0.1', 421],
    ['another name of the same place', '/', `localhost:${port}`, 421],
    ['absolute-form elsewhere', 'http://evil.test/', authority, 421],
    ['absolute-form of its own, foreign Host', `http://${authority}/`, 'evil.test', 200],
  ]
  for (const [name, target, host, status] of rows) {
    const { socket } = await openTunnel(daemon.port, authority)
    socket.write(`GET /first HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
    await readAnswer(socket)
    const answered = readAnswer(socket)
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    t.equal((await answered).status, status, name)
    socket.destroy()
  }
  t.equal(upstream.seen.filter(seen => seen.path !== '/first').length, 2)
  t.ok(upstream.seen.every(seen => seen.header('host') === authority))
})

test('F2: a malformed request inside a tunnel is refused like any other', async t => {
  const { upstream, daemon } = await scene(t, () => answer(200))
  const { authority } = upstream
  const rows: [string, string][] = [
    ['a tunnel inside a tunnel', `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`],
    [
      'length and coding',
      `POST / HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two Hosts', `GET / HTTP/1.1\r\nHost: ${authority}\r\nHost: ${authority}\r\n\r\n`],
    ['a space before the colon', `GET / HTTP/1.1\r\nHost : ${authority}\r\n\r\n`],
  ]
  for (const [name, text] of rows) {
    const { socket } = await openTunnel(daemon.port, authority)
    socket.write(`GET / HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
    t.equal((await readAnswer(socket)).status, 200)
    const rest = readToEnd(socket)
    socket.write(text)
    t.match(String(await rest), /^HTTP\/1\.1 400 [\s\S]*connection: close/i, name)
  }
  t.equal(upstream.seen.length, rows.length)
})

test('FP-02: port 80 of a CONNECT stays 80', async t => {
  const daemon = await startTestDaemon('routes: [{ name: a, match: { host: "*" }, retry: off }]')
  t.teardown(() => daemon.close())
  const { socket } = await openTunnel(daemon.port, '127.0.0.1:80')
  socket.destroy()
  t.equal((await daemon.logged(1))[0]?.host, '127.0.0.1:80')
})

test('FP-05: what is no HTTP request passes as it is, whatever it looks like', async t => {
  const daemon = await startTestDaemon()
  t.teardown(() => daemon.close())
  const server = await startRawServer(t)
  const greetings = [
    '\x16\x03\x01',
    'SSH-2.0-x\r\n',
    'EHLO x\r\n',
    'GETX',
    'get / HTTP/1.1\r\n',
    'PRI * HTTP/2.0\r\n',
    '*1\r\n$4\r\nPING\r\n',
    'CONNECT a:1 HTTP/1.1\r\n',
    'A'.repeat(40),
  ]
  for (const greeting of greetings) {
    const { socket } = await openTunnel(daemon.port, server.authority, greeting)
    const upstream = await server.accepted()
    const [chunk] = (await once(upstream, 'data')) as [Buffer]
    t.equal(chunk.toString('latin1'), greeting)
    upstream.end()
    socket.end()
  }
})

test('FP-04: a client that says little and ends has it passed on, and its end too', async t => {
  const daemon = await startTestDaemon()
  t.teardown(() => daemon.close())
  for (const words of ['', 'GE']) {
    const server = await startRawServer(t)
    const { socket } = await openTunnel(daemon.port, server.authority, words)
    socket.end()
    const upstream = await server.accepted()
    t.equal((await readToEnd(upstream)).toString(), words)
    upstream.end('bye')
    t.equal((await readToEnd(socket)).toString(), 'bye')
  }
})
