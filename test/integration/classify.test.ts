import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { readAnswer, request, requestBytes } from '../support/client.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const DONE = answer(200, '{"jsonrpc":"2.0","id":1,"result":{}}', JSON_TYPE)
const KEYED = 'idempotency: { upstream: replay, replay: {} }'
const rpcError = (code: number, data: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code, message: 'no', data } })

/** What is said to the first requests, in turn; then it is done. */
const saying =
  (...said: readonly string[]): Script =>
  ({ number }) =>
    said[number - 1] ?? DONE

test('R5: the wait that a body names is waited, to the second', async t => {
  const limited = answer(200, rpcError(-32_029, { retry_after: 1 }), JSON_TYPE)
  const { upstream, daemon, got } = await undisturbed(async () => {
    const scene = await keyedScene(t, saying(limited), ['classify: [json_rpc]', KEYED])
    return { ...scene, got: await scene.keyed(KEY) }
  }, 250)
  t.match(got.text, '"result"')
  t.match(got.header('proxy-status'), /attempts=2; waited=1(?:\.\d+)?s; reason=retry-after/)
  const [record] = await daemon.logged(1)
  t.ok((record?.attempts[0]?.wait_ms ?? 0) >= 1_000)
  t.match(record?.attempts, [{ outcome: '200', why: 'retry-after' }, { outcome: '200' }])
  t.equal(new Set(upstream.seen.map(seen => seen.header('idempotency-key'))).size, 1)
})

test('R5: a field that names a wait comes before what the body says', async t => {
  const body = rpcError(-32_029, { retry_after: 3_600 })
  const limited = [answer(200, body, JSON_TYPE, 'retry-after-ms: 20'), answer(429, body, JSON_TYPE, 'Retry-After: 0')]
  const { daemon, keyed } = await keyedScene(t, saying(...limited), ['classify: [json_rpc]', KEYED])
  t.match((await keyed(KEY)).text, '"result"')
  const [record] = await daemon.logged(1)
  t.match(
    record?.attempts.map(({ outcome, why }) => [outcome, why]),
    [
      ['200', 'retry-after'],
      ['429', 'retry-after'],
      ['200', 'final'],
    ],
  )
})

test('L2: a body that names a longer wait than there is gets through at once, as it came', async t => {
  const body = rpcError(-32_029, { retry_after: 3_600 })
  const { upstream, keyed } = await keyedScene(t, () => answer(200, body, JSON_TYPE), ['classify: [json_rpc]', KEYED])
  const got = await keyed(KEY)
  t.same([got.status, got.text], [200, body])
  t.equal(upstream.seen.length, 1)
})

test('R1: a rate limit in a 200 is repeated for any POST, other errors in it for none', async t => {
  const limited = answer(200, rpcError(-32_029, {}), JSON_TYPE)
  const wrong = rpcError(-32_602, {})
  const limits = await keyedScene(t, saying(limited), ['classify: [json_rpc]'])
  t.match((await limits.post('{}')).text, '"result"')
  t.equal(limits.upstream.seen.length, 2)
  const errors = await keyedScene(t, saying(answer(200, wrong, JSON_TYPE)), ['classify: [json_rpc]'])
  t.equal((await errors.post('{}')).text, wrong)
  t.equal(errors.upstream.seen.length, 1)
})

const CODE = (code: string, as: string): string => `{ when: { json: /error/code, equals: ${code} }, as: ${as} }`

test('I6: an upstream that says that the key is in flight is asked again with that key until it is done', async t => {
  const running = '{"error":{"code":"running"}}'
  const adcp = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    result: { isError: true, structuredContent: { adcp_error: { code: 'IDEMPOTENCY_IN_FLIGHT' } } },
  })
  for (const said of [answer(409, running, JSON_TYPE), answer(200, running, JSON_TYPE), answer(200, adcp, JSON_TYPE)]) {
    const rules = `classify: [${CODE('running', 'in_flight')}, adcp]`
    const { upstream, daemon, keyed } = await keyedScene(t, saying(said, said), [rules, KEYED])
    t.match((await keyed(KEY)).text, '"result"')
    t.equal(upstream.seen.length, 3)
    t.same(new Set(upstream.seen.map(seen => seen.header('idempotency-key'))), new Set([KEY]))
    const [record] = await daemon.logged(1)
    t.equal(record?.attempts[0]?.why, 'key-in-flight')
    t.equal((await keyed(KEY)).header('idempotent-replayed'), 'true')
  }
})

test('I6: a 409 that nobody explains is the answer, and frees its key', async t => {
  const { upstream, keyed } = await keyedScene(t, saying(answer(409, '{"error":{"code":"sold out"}}', JSON_TYPE)), [
    `classify: [${CODE('running', 'in_flight')}]`,
    KEYED,
  ])
  t.equal((await keyed(KEY)).status, 409)
  t.match((await keyed(KEY)).text, '"result"')
  t.equal(upstream.seen.length, 2)
})

test('R1: a 429 whose body says that no repeat would help is not repeated', async t => {
  const body = '{"error":{"code":"insufficient_quota"}}'
  const said = [answer(429, body, JSON_TYPE, 'Retry-After: 0'), answer(503, body, JSON_TYPE, 'Retry-After: 0')]
  for (const first of said) {
    const rules = `classify: [${CODE('insufficient_quota', 'error')}]`
    const { upstream, keyed } = await keyedScene(t, saying(first), [rules, KEYED])
    const got = await keyed(KEY)
    t.equal(got.text, body)
    t.equal(upstream.seen.length, 1)
    t.match((await keyed(KEY)).text, '"result"', 'its key is free')
  }
})

test('R1: `unavailable` counts as a 503, which is repeated where a wait is named', async t => {
  const rules = `classify: [{ when: { json: /error/code, equals: down }, as: unavailable, retry_after: /error/wait }]`
  const named = await keyedScene(t, saying(answer(200, '{"error":{"code":"down","wait":"0"}}', JSON_TYPE)), [
    rules,
    KEYED,
  ])
  t.match((await named.keyed(KEY)).text, '"result"')
  const body = '{"error":{"code":"down"}}'
  const silent = await keyedScene(t, saying(answer(200, body, JSON_TYPE)), [rules, KEYED])
  t.equal((await silent.keyed(KEY)).text, body, 'a key alone unlocks no repeat of it')
})

test('R10: when the repeats of a classified answer are used up, the last one goes out byte for byte', async t => {
  const body = rpcError(-32_029, {})
  const zipped = gzipSync(body)
  const script: Script = (_, socket) => {
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n${JSON_TYPE}\r\nContent-Length: ${zipped.length}\r\n\r\n`,
    )
    socket.write(zipped)
    return undefined
  }
  const { upstream, keyed } = await keyedScene(t, script, ['classify: [json_rpc]', KEYED])
  const got = await keyed(KEY)
  t.ok(got.body.equals(zipped))
  t.same([got.status, got.header('x-should-retry')], [200, 'false'])
  t.equal(upstream.seen.length, 3)
})

const RULES = 'classify: [adcp, json_rpc]'

/** Answers whose beginning must reach the client before their end is there. */
const STREAMS: Readonly<Record<string, readonly [head: string, beginning: string, rest: string]>> = {
  'plain text': ['Content-Type: text/plain\r\nContent-Length: 12\r\n', 'begin ', 'is end'],
  'what has no type': ['Content-Length: 12\r\n', 'begin ', 'is end'],
  'long JSON': [`${JSON_TYPE}\r\nContent-Length: 100000\r\n`, '{"a":"', `${'x'.repeat(99_992)}"}`],
  'JSON that turns out to be long': [`${JSON_TYPE}\r\n`, `{"a":"${'x'.repeat(70_000)}`, '"}'],
  'an event stream': [
    'Content-Type: text/event-stream\r\n',
    'data: {"jsonrpc":"2.0","method":"progress"}\n\n',
    'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
  ],
  'an event stream under gzip': ['Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n', '\x1f\x8b', 'zz'],
}

for (const [what, [head, beginning, rest]] of Object.entries(STREAMS)) {
  test(`L11: ${what} reaches its client as it comes, whatever might hide in it`, async t => {
    const chunked = !head.includes('Content-Length')
    const part = (text: string) => (chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text)
    let finish = (): void => undefined
    const script: Script = (_, socket) => {
      finish = () => socket.write(Buffer.from(`${part(rest)}${chunked ? '0\r\n\r\n' : ''}`, 'latin1'))
      const framing = chunked ? 'Transfer-Encoding: chunked\r\n' : ''
      socket.write(Buffer.from(`HTTP/1.1 200 OK\r\n${head}${framing}\r\n${part(beginning)}`, 'latin1'))
      return undefined
    }
    const { upstream, daemon } = await keyedScene(t, script, [RULES, KEYED])
    const socket = connect(daemon.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    const whole = readAnswer(socket, 'POST')
    const begun = new Promise<void>(resolve => {
      socket.on('data', data => {
        if (data.includes(beginning.slice(-2), 0, 'latin1')) resolve()
      })
    })
    const fields = [JSON_TYPE, `Idempotency-Key: ${KEY}`]
    socket.write(requestBytes(`${upstream.url}/orders`, { method: 'POST', body: '{}', fields }))
    await begun
    // It has begun, and the rest was not written yet.
    finish()
    t.equal((await whole).body.toString('latin1'), beginning + rest)
    t.equal(upstream.seen.length, 1)
  })
}

test('L2: an answer that is looked at and does not end goes on at the deadline, unread', async t => {
  let finish = (): void => undefined
  const script: Script = (_, socket) => {
    finish = () => socket.write('1}')
    return `HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nContent-Length: 7\r\n\r\n{"a":`
  }
  const got = await undisturbed(async () => {
    const { upstream, daemon } = await keyedScene(t, script, [RULES, KEYED, 'timeout: { total: 500ms }'])
    const socket = connect(daemon.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    const whole = readAnswer(socket, 'POST')
    const fields = [JSON_TYPE, `Idempotency-Key: ${KEY}`]
    socket.once('data', () => finish())
    socket.write(requestBytes(`${upstream.url}/orders`, { method: 'POST', body: '{}', fields }))
    return whole
  }, 150)
  t.same([got.status, got.text], [200, '{"a":1}'])
})

test('R1: answers without a body are looked at by their head alone', async t => {
  const said: Readonly<Record<string, string>> = {
    HEAD: `HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nContent-Length: 500\r\n\r\n`,
    GET: `HTTP/1.1 304 Not Modified\r\n${JSON_TYPE}\r\n\r\n`,
    POST: `HTTP/1.1 204 No Content\r\n${JSON_TYPE}\r\n\r\n`,
    PUT: answer(200, '', JSON_TYPE),
  }
  const { upstream, daemon } = await keyedScene(t, seen => said[seen.method], [RULES, KEYED])
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 304],
    ['POST', 204],
    ['PUT', 200],
  ] as const) {
    const fields = [`Idempotency-Key: ${KEY}`]
    for (const replayed of [undefined, method === 'POST' ? 'true' : undefined]) {
      const got = await request(daemon.port, `${upstream.url}/orders`, { method, fields })
      t.same([got.status, got.header('idempotent-replayed'), got.body.length], [status, replayed, 0], method)
    }
  }
})

test('I7: what is no JSON, or tells of no error, is an answer like any other', async t => {
  const bodies = ['not json', '{"jsonrpc":"2.0","id":1,"error":', '[]', 'null', '"error"', '{"error":null}']
  for (const body of bodies) {
    const { upstream, keyed } = await keyedScene(t, () => answer(200, body, JSON_TYPE), [RULES, KEYED])
    t.equal((await keyed(KEY)).text, body)
    t.same([(await keyed(KEY)).text, upstream.seen.length], [body, 1], body)
  }
})
