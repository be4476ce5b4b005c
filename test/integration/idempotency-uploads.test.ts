import { connect } from 'node:net'
import { test } from 'tap'
import { rawExchange, readAnswer } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { until } from '../support/crowd.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const REPLAY = 'idempotency: { replay: {} }'
const DONE = answer(201, '{"id":1}', JSON_TYPE)

const headOf = (url: string, framing: string): string =>
  `POST ${url}/orders HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}\r\nIdempotency-Key: ${KEY}\r\n${framing}\r\n\r\n`

test('I6: a body that breaks off before its key is looked up was never sent, and its key is free', async t => {
  const { upstream, daemon, keyed } = await keyedScene(t, () => DONE, [REPLAY])
  const broken = `${headOf(upstream.url, 'Transfer-Encoding: chunked')}2\r\n{}\r\nzz\r\n`
  const got = await rawExchange(daemon.port, broken)
  t.match(got, /^HTTP\/1\.1 400 /)
  t.match(got, /"outcome":"not-sent"/)
  t.equal(upstream.seen.length, 0)
  t.equal(upstream.connections(), 0)
  t.same([(await keyed(KEY)).status, (await keyed(KEY)).header('idempotent-replayed')], [201, 'true'])
})

test('I6: nor was one that stops arriving', async t => {
  // Held up for so long, a request that is whole may be over its time, too.
  const { got, dialled, again } = await undisturbed(async () => {
    const { upstream, daemon, keyed } = await keyedScene(t, () => DONE, [REPLAY, 'timeout: { idle: 200ms }'])
    const socket = connect(daemon.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    const told = readAnswer(socket, 'POST')
    socket.write(`${headOf(upstream.url, 'Content-Length: 10')}{"a"`)
    return { got: await told, dialled: upstream.connections(), again: await keyed(KEY) }
  }, 100)
  t.equal(got.status, 408)
  t.match(problemOf(got), { code: 'request_timeout', outcome: 'not-sent' })
  t.notOk(got.header('x-should-retry'), 'the client may well repeat it')
  t.equal(dialled, 0)
  t.equal(again.status, 201)
})

test('L9: a client that leaves within its body leaves nothing behind', async t => {
  const { upstream, daemon, keyed } = await keyedScene(t, () => DONE, [REPLAY])
  const socket = connect(daemon.port, '127.0.0.1')
  socket.on('error', () => undefined)
  const body = 'x'.repeat(100_000)
  socket.write(`${headOf(upstream.url, 'Content-Length: 200000')}${body}`)
  await until(() => daemon.daemon.holds().bodyMemory > 0)
  socket.resetAndDestroy()
  t.match(await daemon.logged(1), [{ end: 'client-gone', attempts: [] }])
  t.equal(daemon.daemon.holds().bodyMemory, 0)
  t.equal((await keyed(KEY)).status, 201)
  t.equal(upstream.seen.length, 1)
})

test('L3: what all exchanges may keep together holds for bodies that are read ahead, too', async t => {
  const lines = ['body: { memory: 4MiB, spill: 0B }', REPLAY]
  const { upstream, keyed } = await keyedScene(t, () => DONE, lines, {
    top: 'store: memory\nlimits: { body_memory_total: 1MiB }',
  })
  const body = `"${'x'.repeat(2_000_000)}"`
  for (let i = 0; i < 2; i++) {
    const got = await keyed(KEY, body)
    t.same([got.status, got.header('idempotent-replayed')], [201, undefined], 'it flows once, without a claim')
    t.ok(upstream.seen[i]?.body.equals(Buffer.from(body)))
  }
})

test('I5: a key comes from the body as it was sent, also when memory is full and the body is kept in a file', async t => {
  const lines = ['idempotency: { upstream: replay, inject: hmac, from: [{ json: /order }] }']
  const top = 'store: memory\nlimits: { body_memory_total: 1MiB }'
  const { upstream, daemon, post } = await keyedScene(t, () => DONE, lines, { top })
  const filling = connect(daemon.port, '127.0.0.1')
  filling.on('error', () => undefined)
  t.teardown(() => filling.destroy())
  filling.write(`${headOf(upstream.url, 'Content-Length: 2000000')}${'x'.repeat(1_048_576)}`)
  await until(() => daemon.daemon.holds().bodyMemory > 1_000_000)
  const body = JSON.stringify({ order: 'A-1', note: 'n'.repeat(300_000), more: 'm'.repeat(300_000) })
  await post(body)
  await post(body)
  await post('{"order":"A-1"}')
  const keys = upstream.seen.map(({ header }) => header('idempotency-key'))
  t.match(keys[0], /^[\w-]{16,}/)
  t.equal(new Set(keys).size, 1)
  t.ok(upstream.seen[0]?.body.equals(Buffer.from(body)))
})
