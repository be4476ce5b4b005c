import { once } from 'node:events'
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { rawExchange, readAnswer, request, requestBytes } from '../support/client.js'
import { QUICK, startTestDaemon } from '../support/daemon.js'
import { h2Daemon, reply, startH2Upstream } from '../support/h2-upstream.js'
import { ask, http2Session } from '../support/http2-client.js'
import { interceptedScene } from '../support/intercepted.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

async function setUp(t: Test, script: Script, config = QUICK) {
  const upstream = await startUpstream(script)
  const daemon = await startTestDaemon(config)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  return { upstream, daemon }
}

test('rfc9110-7.6.2: TRACE and OPTIONS that may go no further are answered here', async t => {
  const { upstream, daemon } = await setUp(t, () => answer(200))
  const fields = ['Max-Forwards: 0', 'X-A: b', 'Authorization: secret', 'Cookie: secret', 'Proxy-Authorization: secret']
  const trace = await request(daemon.port, upstream.url, { method: 'TRACE', fields })
  t.equal(trace.header('content-type'), 'message/http')
  t.match(trace.text, /^TRACE .* HTTP\/1\.1\r\nHost: .*\r\nMax-Forwards: 0\r\nX-A: b\r\n\r\n$/)
  const options = await request(daemon.port, upstream.url, { method: 'OPTIONS', fields })
  t.match(options.header('allow'), /GET.*CONNECT/)
  t.match(
    await rawExchange(daemon.port, 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 200 /,
  )
  t.equal(upstream.seen.length, 0)
})

test('rfc9110-9.3.7: OPTIONS of a server goes to that server as an asterisk', async t => {
  const { upstream, daemon } = await setUp(t, () => answer(200))
  await request(daemon.port, upstream.url, { method: 'OPTIONS' })
  t.equal(upstream.seen[0]?.path, '*')
})

test('rfc9110-10.1.1: a client that waits for 100 gets it before its body is read', async t => {
  const { upstream, daemon } = await setUp(t, () => answer(200, 'done'))
  const socket = connect(daemon.port, '127.0.0.1')
  const head = `POST ${upstream.url}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`
  socket.write(head)
  const [first] = (await once(socket, 'data')) as [Buffer]
  t.equal(first.toString(), 'HTTP/1.1 100 Continue\r\n\r\n')
  const answered = readAnswer(socket)
  socket.write('hello')
  t.equal((await answered).text, 'done')
  t.equal(upstream.seen[0]?.body.toString(), 'hello')
  socket.destroy()
})

test('rfc9110-10.1.1: a final answer to an expectation arrives without a 100, and the body is never asked for', async t => {
  let bytes = 0
  const upstream = await startUpstream(() => answer(413, 'too much'), {
    early: true,
    onConnection: socket => socket.on('data', chunk => (bytes += chunk.length)),
  })
  const daemon = await startTestDaemon()
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  const fields = 'Expect: 100-continue\r\nContent-Length: 5\r\n'
  const received = await rawExchange(daemon.port, `POST ${upstream.url}/ HTTP/1.1\r\nHost: x\r\n${fields}\r\n`)
  t.match(received, /^HTTP\/1\.1 413 [\s\S]*\r\n\r\ntoo much$/)
  t.match(received, /connection: close/i)
  t.equal(bytes, (upstream.seen[0]?.head.length ?? 0) + 4)
})

test('L12: hints of an attempt that was repeated are never shown', async t => {
  let count = 0
  const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  const { upstream, daemon } = await setUp(
    t,
    () => hint.replace('/a', `/${++count}`) + answer(count === 1 ? 503 : 200, 'ok'),
  )
  const text = `GET ${upstream.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
  const received = await rawExchange(daemon.port, text)
  t.match(received, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/2>\r\nVia: [^\r]*\r\n\r\nHTTP\/1\.1 200 /)
  t.equal(upstream.seen.length, 2)
})

test('a refusal reaches a client that is still sending', async t => {
  const { upstream, daemon } = await setUp(t, () => answer(200))
  const body = Buffer.alloc(8 * 1_048_576, 'x')
  for (const [name, text, status] of [
    [
      'two Hosts',
      `POST ${upstream.url}/ HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: ${body.length}\r\n\r\n`,
      400,
    ],
    ['no mount', `POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`, 404],
  ] as const) {
    const socket = connect(daemon.port, '127.0.0.1')
    socket.on('error', () => undefined)
    const answered = readAnswer(socket)
    socket.write(text)
    socket.write(body)
    t.equal((await answered).status, status, name)
    socket.destroy()
  }
  t.equal(upstream.seen.length, 0)
})

test('requests in a row on one connection are answered in their order', async t => {
  const { upstream, daemon } = await setUp(t, seen => answer(200, seen.path))
  const socket = connect(daemon.port, '127.0.0.1')
  const paths = Array.from({ length: 20 }, (_, i) => `/${i}`)
  let received = ''
  socket.on('data', chunk => (received += chunk))
  const bytes = paths.map(path => requestBytes(upstream.url + path))
  socket.write(Buffer.concat([...bytes, requestBytes(`${upstream.url}/last`, { fields: ['Connection: close'] })]))
  await once(socket, 'close')
  t.same(
    [...received.matchAll(/\r\n\r\n\/(\d+|last)/g)].map(([, path]) => `/${path}`),
    [...paths, '/last'],
  )
})

test('rfc9112-9.3: a connection persists as its client asked, and close goes before keep-alive', async t => {
  const { upstream, daemon } = await setUp(t, () => answer(200, 'ok'))
  const rows: [string, string, 1 | 2][] = [
    ['1.1', '', 2],
    ['1.1', 'Connection: keep-alive\r\n', 2],
    ['1.1', 'Connection: close\r\n', 1],
    ['1.1', 'Connection: keep-alive, close\r\n', 1],
    ['1.0', '', 1],
    ['1.0', 'Connection: keep-alive\r\n', 2],
    ['1.0', 'Connection: close\r\n', 1],
    ['1.0', 'Connection: keep-alive, close\r\n', 1],
    ['1.0', 'Connection: CLOSE , Keep-Alive\r\n', 1],
    ['1.0', 'Connection: keep-alive\r\nConnection: x, close\r\n', 1],
  ]
  for (const [version, fields, answers] of rows) {
    const before = upstream.seen.length
    const first = `GET ${upstream.url}/ HTTP/${version}\r\nHost: x\r\n${fields}\r\n`
    const last = `GET ${upstream.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    const received = await rawExchange(daemon.port, first + last)
    // What Node's parser finds behind a close, it calls malformed.
    t.equal(received.match(/HTTP\/1\.1 (?:200|400)/g)?.length, answers, `${version} ${fields}`)
    t.ok(upstream.seen.length - before <= answers, 'what is not answered is not sent')
  }
})

test('rfc9110-7.6.3: Via says with what a message came, in both directions', async t => {
  const at = await interceptedScene(t, ({ head }) => answer(200, head))
  const session = await http2Session(t, at)
  const two = await ask(session, { ':path': '/' })
  t.match(two.text, /\r\nVia: 2\.0 mulligan-/, 'HTTP/2 here')
  t.match(two.fields['via'], /^1\.1 mulligan-/, 'HTTP/1.1 behind')
  const one = await at.get('/')
  t.match(one.text, /\r\nVia: 1\.1 mulligan-/)
  const modern = await startH2Upstream(t, stream => reply(stream, 'x'))
  const daemon = await h2Daemon(t)
  t.match((await request(daemon.port, modern.url)).header('via'), /^2\.0 mulligan-/)
})
