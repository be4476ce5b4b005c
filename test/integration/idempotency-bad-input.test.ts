import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { rawExchange } from '../support/client.js'
import { ask, http2Session } from '../support/http2-client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { answer, type Script } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
/** Everything that a key could set in motion. */
const ALL = 'idempotency: { inject: uuid4, upstream: replay, replay: {} }'
const IN_BODY = 'idempotency: { json: /key, inject: uuid4, upstream: replay, replay: {} }'
const counting: Script = ({ number }) => answer(201, `{"id":${number}}`, JSON_TYPE)

const linesOf = (head: string, name: string): string[] =>
  head.split('\r\n').filter(line => line.toLowerCase().startsWith(`${name}:`))

/** Keys that are none: what an upstream makes of them is its own business. */
const NO_KEYS: Readonly<Record<string, readonly string[]>> = {
  'two lines': ['Idempotency-Key: one-abcdefgh-1234', 'idempotency-key: two-abcdefgh-1234'],
  'the same line twice': [`Idempotency-Key: ${KEY}`, `Idempotency-Key: ${KEY}`],
  'an empty one': ['Idempotency-Key: '],
  'an empty text': ['Idempotency-Key: ""'],
  '10 KB': [`Idempotency-Key: ${'k'.repeat(10_240)}`],
  '256 characters': [`Idempotency-Key: ${'k'.repeat(256)}`],
  'a tab': ['Idempotency-Key: order\t4711'],
  'what is not ASCII': ['Idempotency-Key: order-\xe9-4711'],
}

for (const [what, lines] of Object.entries(NO_KEYS)) {
  test(`I1: ${what} in place of a key goes on as it came: no other is made, and nothing is kept for it`, async t => {
    const { upstream, post } = await keyedScene(t, counting, [ALL])
    t.same([(await post('{}', ...lines)).text, (await post('{}', ...lines)).text], ['{"id":1}', '{"id":2}'])
    for (const seen of upstream.seen) t.strictSame(linesOf(seen.head, 'idempotency-key'), lines)
  })
}

test('I1: a key is passed on byte for byte, quoted or bare, and these are two', async t => {
  const { upstream, keyed } = await keyedScene(t, counting, [ALL])
  const keys = ['"order-4711"', 'order-4711', 'ORDER-4711', 'k', 'k'.repeat(255), 'with, comma; and=more']
  for (const [i, key] of keys.entries()) {
    t.equal((await keyed(key)).text, `{"id":${i + 1}}`)
    t.same([(await keyed(key)).text, upstream.seen.at(-1)?.header('idempotency-key')], [`{"id":${i + 1}}`, key])
  }
  t.equal(upstream.seen.length, keys.length)
})

test('F2: a key with a control character is no header at all: nothing is forwarded', async t => {
  const { daemon, upstream } = await keyedScene(t, counting, [ALL])
  for (const character of ['\x00', '\x01', '\x7f']) {
    const head = `POST ${upstream.url}/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a${character}b\r\nContent-Length: 2\r\n\r\n`
    t.match(await rawExchange(daemon.port, `${head}{}`), /^HTTP\/1\.1 400 /, JSON.stringify(character))
  }
  t.equal(upstream.seen.length, 0)
})

/** Bodies that no key may be put into, as they come. */
const UNTOUCHED: Readonly<Record<string, { readonly body: string | Buffer; readonly fields?: readonly string[] }>> = {
  compressed: { body: gzipSync('{"a":1}'), fields: ['Content-Encoding: gzip'] },
  'covered by a digest': { body: '{"a":1}', fields: ['Content-Digest: sha-256=:AAAA:'] },
  'signed (RFC 9421)': { body: '{"a":1}', fields: ['Signature-Input: s=("content-digest")', 'Signature: s=:AA==:'] },
  'signed by AWS': { body: '{"a":1}', fields: ['Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b'] },
  'signed by its vendor': { body: '{"a":1}', fields: ['X-Hub-Signature-256: sha256=00'] },
  'with the key twice': { body: '{"key":"a-abcdefgh-1234","key":"b-abcdefgh-1234"}' },
  'with a key that is no text': { body: '{"key":12345678901234567890}' },
  'with a key of nothing': { body: '{"key":""}' },
  'with another member twice': { body: '{"a":1,"a":2}' },
  'a list': { body: '[{"a":1}]' },
  'no JSON': { body: '{"a":1' },
  'JSON with more behind it': { body: '{"a":1} x' },
  empty: { body: '' },
}

for (const [what, { body, fields = [] }] of Object.entries(UNTOUCHED)) {
  test(`I2: a body (${what}) goes on byte for byte, and without a key of ours`, async t => {
    const { upstream, daemon } = await keyedScene(t, counting, [IN_BODY])
    const head = [`POST ${upstream.url}/orders HTTP/1.1`, 'Host: x', JSON_TYPE, 'Connection: close', ...fields]
    head.push(`Content-Length: ${Buffer.byteLength(body)}`)
    const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)])
    for (let i = 1; i <= 2; i++) t.match(await rawExchange(daemon.port, bytes), new RegExp(`\\{"id":${i}\\}`))
    for (const seen of upstream.seen) {
      t.ok(seen.body.equals(Buffer.from(body)))
      t.notOk(seen.header('idempotency-key'))
    }
  })
}

test('I2, I6: a key that stands in the body is the key, whatever else stands there', async t => {
  const { upstream, post } = await keyedScene(t, counting, [IN_BODY])
  const body = `{ "n": 12345678901234567890, "key" : "${KEY}", "text": "\\u0041" }`
  t.equal((await post(body)).text, '{"id":1}')
  t.equal((await post(body)).header('idempotent-replayed'), 'true')
  t.equal(upstream.seen[0]?.body.toString(), body)
  t.equal((await post(body.replace('67890', '67891'))).status, 422, 'two big integers that a parser takes for one')
  t.equal((await post(body.replace('\\u0041', 'A'))).status, 422, 'its bytes are the payload')
})

test('I5: a `jcs` fingerprint takes two texts of one document for one, but not two big integers', async t => {
  const lines = ['idempotency: { replay: { fingerprint: jcs, ignore: [/trace] } }']
  const { upstream, keyed } = await keyedScene(t, counting, lines)
  t.equal((await keyed(KEY, '{"a":1,"b":[true],"trace":"x"}')).text, '{"id":1}')
  t.equal((await keyed(KEY, '{ "b" : [ true ], "a": 1.0, "trace": "y" }')).header('idempotent-replayed'), 'true')
  t.equal((await keyed(KEY, '{"a":2,"b":[true]}')).status, 422)
  t.equal((await keyed('order-2-abcdefgh', '{"n":9007199254740993}')).text, '{"id":2}')
  t.equal((await keyed('order-2-abcdefgh', '{"n":9007199254740992}')).status, 422)
  t.equal((await keyed('order-3-abcdefgh', '{"a":1,"a":2}')).text, '{"id":3}')
  t.equal((await keyed('order-3-abcdefgh', '{"a":2}')).status, 422)
  t.equal(upstream.seen.length, 3)
})

test('I5: query and media type belong to the payload, the path to the key', async t => {
  const { upstream, daemon } = await keyedScene(t, counting, [ALL])
  const send = async (path: string, type = 'application/json') => {
    const head = `POST ${upstream.url}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\nIdempotency-Key: ${KEY}`
    return (await rawExchange(daemon.port, `${head}\r\nContent-Length: 2\r\n\r\n{}`)).slice(9, 12)
  }
  t.same(
    [await send('/a?x=1'), await send('/a?x=2'), await send('/a'), await send('/a?x=1', 'text/plain')],
    ['201', '422', '422', '422'],
  )
  t.same([await send('/b?x=1'), await send('/a?x=1')], ['201', '201'])
  t.equal(upstream.seen.length, 2)
})

const CHUNKED = (url: string, body: string, trailer: string, ...fields: string[]): string => {
  const parts = [...body.matchAll(/[\s\S]{1,700}/g)].map(([part]) => `${part.length.toString(16)}\r\n${part}\r\n`)
  const head = [`POST ${url}/orders HTTP/1.1`, 'Host: x', JSON_TYPE, 'Connection: close', ...fields]
  return `${head.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n${parts.join('')}0\r\n${trailer}\r\n`
}

test('I2: a chunked body stays chunked around its key, and keeps its trailers', async t => {
  const { upstream, daemon } = await keyedScene(t, counting, [IN_BODY], {
    onConnection: socket => socket.on('data', data => wire.push(data)),
  })
  const wire: Buffer[] = []
  const bytes = CHUNKED(upstream.url, '{"a":1}', 'X-Sum: 12\r\n', 'Trailer: X-Sum')
  t.match(await rawExchange(daemon.port, bytes), /"id":1/)
  const seen = Buffer.concat(wire).toString()
  t.match(seen, /\r\ntransfer-encoding: chunked\r\n/i)
  t.match(seen, /\{"a":1,"key":"[0-9a-f-]{36}"\}\r\n0\r\nX-Sum: 12\r\n\r\n$/)
})

test('L3: a body over the caps flows once and whole, with its key and without a claim', async t => {
  const body = JSON.stringify({ text: 'x'.repeat(100_000) })
  for (const route of [ALL, IN_BODY]) {
    const lines = ['body: { memory: 1KiB, spill: 2KiB }', route]
    const { upstream, daemon } = await keyedScene(t, counting, lines)
    for (let i = 1; i <= 2; i++) {
      const got = await rawExchange(daemon.port, CHUNKED(upstream.url, body, '', `Idempotency-Key: ${KEY}`))
      t.match(got, new RegExp(`\\{"id":${i}\\}`))
      const seen = upstream.seen.at(-1)
      t.equal(seen?.body.length, body.length)
      t.ok(seen?.body.equals(Buffer.from(body)))
      t.equal(seen?.header('idempotency-key'), KEY)
    }
  }
})

test('I5: a body that outgrows memory is still the payload of its key', async t => {
  const body = JSON.stringify({ text: 'x'.repeat(100_000) })
  const { upstream, keyed } = await keyedScene(t, counting, ['body: { memory: 1KiB, spill: 1MiB }', ALL])
  t.equal((await keyed(KEY, body)).text, '{"id":1}')
  t.ok(upstream.seen[0]?.body.equals(Buffer.from(body)))
  t.equal((await keyed(KEY, body)).header('idempotent-replayed'), 'true')
  t.equal((await keyed(KEY, body.replace('x"', 'y"'))).status, 422)
})

test('I1: requests whose methods are not named are not touched, with a key or without', async t => {
  const { upstream, daemon } = await keyedScene(t, counting, [ALL])
  for (const method of ['GET', 'DELETE', 'PUT']) {
    const head = `${method} ${upstream.url}/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n`
    for (const key of [`Idempotency-Key: ${KEY}\r\n`, '']) {
      for (let i = 0; i < 2; i++) t.match(await rawExchange(daemon.port, `${head}${key}\r\n`), /^HTTP\/1\.1 201 /)
    }
  }
  const keys = upstream.seen.map(seen => seen.header('idempotency-key'))
  t.strictSame(keys, Array.from({ length: 3 }, () => [KEY, KEY, undefined, undefined]).flat())
})

test('I6: keys of HTTP/2 clients are keys, and their replays are marked', async t => {
  const routes = (port: number) => apiRoute(port, 'idempotency: { inject: uuid4, upstream: replay, replay: {} }')
  const scene = await interceptedScene(t, counting, routes)
  const session = await http2Session(t, scene)
  const post = (...more: readonly [string, string][]) =>
    ask(
      session,
      { ':method': 'POST', ':path': '/orders', 'content-type': 'application/json', ...Object.fromEntries(more) },
      '{}',
    )
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(['idempotency-key', KEY])))
  t.same(new Set(answers.map(({ status, text }) => `${status} ${text}`)), new Set(['201 {"id":1}']))
  t.equal(answers.filter(({ fields }) => fields['idempotent-replayed'] === 'true').length, 19)
  await post()
  t.match(scene.upstream.seen[1]?.header('idempotency-key'), /^[0-9a-f-]{36}$/)
  t.equal(scene.upstream.seen.length, 2)
})
