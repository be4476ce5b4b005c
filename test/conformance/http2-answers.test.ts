import { constants } from 'node:http2'
import { test } from 'tap'
import { http2Fields } from '../../src/http/http2-fields.js'
import { asked, get } from '../support/h2-frame-client.js'
import { CODE, data, headers, TYPE, window } from '../support/h2-frames.js'
import { ask, frames, http2Session } from '../support/http2-client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { answer } from '../support/upstream.js'

const raw = (...lines: string[]) => `HTTP/1.1 ${lines.join('\r\n')}`

test('F1: an answer keeps repeated lines, and loses case, the reason and what is of a connection', async t => {
  const scene = await interceptedScene(t, () =>
    raw(
      '200 Fine',
      'X-B: 1',
      'Set-Cookie: a=1; Path=/',
      'X-A: 1',
      'Set-Cookie: b=2',
      'Connection: x-hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'WWW-Authenticate: Basic',
      'WWW-Authenticate: Bearer',
      'Content-Length: 0',
      '\r\n',
    ),
  )
  const { raw: lines } = await ask(await http2Session(t, scene), { ':path': '/' })
  const via = lines.indexOf('via')
  t.match(lines[via + 1], /^1\.1 mulligan-/)
  t.same(lines.slice(0, via), [
    ...[':status', '200', 'x-b', '1', 'set-cookie', 'a=1; Path=/', 'set-cookie', 'b=2', 'x-a', '1'],
    ...['www-authenticate', 'Basic', 'www-authenticate', 'Bearer', 'content-length', '0'],
  ])
})

test('F1: an answer that doubles a field of one value is passed on with the first', async t => {
  const scene = await interceptedScene(t, () =>
    answer(
      200,
      'ok',
      'ETag: "a"',
      'ETag: "b"',
      'Retry-After: 1',
      'Retry-After: 2',
      'Content-Type: a/b',
      'content-type: c/d',
    ),
  )
  const got = await ask(await http2Session(t, scene), { ':path': '/' })
  t.match(got.fields, { etag: '"a"', 'retry-after': '1', 'content-type': 'a/b' })
  t.equal(got.text, 'ok')
})

test('no field that Node knows makes it throw when an answer has it twice', async t => {
  const names = Object.entries(constants).flatMap(([key, name]) =>
    key.startsWith('HTTP2_HEADER_') && typeof name === 'string' && /^[a-z]/.test(name) ? [name] : [],
  )
  const framing = new Set(['connection', 'content-length', 'transfer-encoding', 'trailer', 'upgrade', 'te', 'host'])
  const twice = names.filter(name => !framing.has(name)).flatMap(name => [`${name}: 1`, `${name}: 1`])
  const scene = await interceptedScene(t, () => answer(200, 'ok', ...twice))
  const got = await ask(await http2Session(t, scene), { ':path': '/' })
  t.match(got, { status: 200, text: 'ok', code: 0 })
  t.ok(names.length > 60, 'Node has told its names')
})

test('answers without content end with their head', async t => {
  const heads: Record<string, string> = {
    '/204': raw('204 No Content', 'Content-Length: 0', '\r\n'),
    '/205': raw('205 Reset Content', 'Content-Length: 0', '\r\n'),
    '/304': raw('304 Not Modified', 'Content-Length: 9', '\r\n'),
    '/empty': raw('200 OK', 'Content-Length: 0', '\r\n'),
    '/head': raw('200 OK', 'Content-Length: 9', '\r\n'),
  }
  const scene = await interceptedScene(t, ({ path }) => heads[path] ?? '')
  const client = await frames(t, scene)
  let stream = 1
  for (const path of Object.keys(heads)) {
    const method = path === '/head' ? 'HEAD' : 'GET'
    client.send(headers(stream, asked(method, path), true))
    t.match(await client.ended(stream), { complete: true, body: '' }, path)
    t.notOk(
      client.frames.some(frame => frame.stream === stream && frame.type === TYPE.data),
      path,
    )
    stream += 2
  }
  const session = await http2Session(t, scene)
  t.equal((await ask(session, { ':path': '/head', ':method': 'HEAD' })).fields['content-length'], '9')
  t.equal((await ask(session, { ':path': '/304' })).fields['content-length'], '9')
  t.equal((await ask(session, { ':path': '/204' })).fields['content-length'], undefined)
})

test('a 205 with a body ends with its head', async t => {
  const scene = await interceptedScene(t, ({ path }) => answer(Number(path.slice(1)), 'body'))
  const session = await http2Session(t, scene)
  t.match(await ask(session, { ':path': '/205' }), { status: 205, text: '', code: 0 })
})

test('L12: a 103 of the answer that is passed on goes first', async t => {
  const hinted = (status: number) =>
    `${raw('103 Early Hints', `Link: </${status}>`, '\r\n')}${answer(status, 'body', 'X-Last: 1')}`
  const scene = await interceptedScene(t, ({ number }) => hinted(number === 1 ? 503 : 200))
  const got = await ask(await http2Session(t, scene), { ':path': '/' })
  t.match(got, { status: 200, interims: [103], text: 'body' })
  t.equal(scene.upstream.seen.length, 2)
})

test('FP-13: trailers pass both ways between HTTP/2 and HTTP/1.1', async t => {
  let upload = ''
  const reply = raw(
    '200 OK',
    'Trailer: X-Sum',
    'Transfer-Encoding: chunked',
    '\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n',
  )
  const scene = await interceptedScene(
    t,
    (_, socket) => {
      socket.on('data', chunk => {
        upload += chunk.toString('latin1')
        if (upload.endsWith('\r\n\r\n')) socket.write(reply)
      })
      return undefined
    },
    port => apiRoute(port),
    { early: true },
  )
  const session = await http2Session(t, scene)
  const sent = { ':method': 'POST', ':path': '/', te: 'trailers', trailer: 'x-crc' }
  const got = await ask(session, sent, 'hello', { 'x-crc': '5' })
  t.match(got, { status: 200, text: 'abc', fields: { trailer: 'X-Sum' }, trailers: { 'x-sum': '7' }, code: 0 })
  t.notOk(got.trailers?.host)
  t.match(scene.upstream.seen[0]?.head, /\r\nTE: trailers\r\n/i)
  t.equal(upload, '5\r\nhello\r\n0\r\nx-crc: 5\r\n\r\n')
})

test('an answer before the end of the upload is whole, and tells the client to send no more', async t => {
  const large = 'a'.repeat(300_000)
  const cases: [string, string][] = [
    ['with a length', answer(413, large)],
    [
      'of unknown length',
      raw('413 No', 'Transfer-Encoding: chunked', `\r\n${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`),
    ],
  ]
  for (const [name, reply] of cases) {
    const scene = await interceptedScene(
      t,
      () => reply,
      port => apiRoute(port),
      { early: true },
    )
    const client = await frames(t, scene, 4, 1_000_000)
    client.send(window(0, 1_000_000), headers(1, asked('POST', '/')), data(1, 'abc'))
    const got = await client.ended(1)
    t.match(got, { complete: true, reset: undefined }, name)
    t.equal(got.body.length, large.length, name)
    const reset = await client.find(({ type, stream }) => type === TYPE.reset && stream === 1)
    t.equal(reset?.payload.readUInt32BE(0), CODE.none, name)
  }
})

test('a refusal before the end of the upload is whole, and tells the client to send no more', async t => {
  const scene = await interceptedScene(t, () => answer(200))
  const client = await frames(t, scene)
  const other = asked('POST', '/').map(([name, value]) => [name, name === ':authority' ? 'b' : value] as const)
  client.send(headers(1, other), data(1, 'abc'))
  t.match(await client.ended(1), { complete: true, problem: 421 })
  const reset = await client.find(({ type, stream }) => type === TYPE.reset && stream === 1)
  t.equal(reset?.payload.readUInt32BE(0), CODE.none)
  client.send(data(1, 'still on its way', true), get(3, '/'))
  t.match(await client.ended(3), { complete: true }, 'the connection goes on')
})

test('no name of a field means anything to JavaScript', t => {
  const made = http2Fields(['__proto__', '1', 'constructor', '2', 'toString', '3', '__proto__', '4'])
  t.same(Object.entries(made), [
    ['__proto__', ['1', '4']],
    ['constructor', '2'],
    ['tostring', '3'],
  ])
  t.end()
})
