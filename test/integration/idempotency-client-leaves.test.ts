import { connect } from 'node:net'
import { test } from 'tap'
import { requestBytes } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { ask, http2Session } from '../support/http2-client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { JSON_TYPE, keyedScene, NO_CEILING } from '../support/keyed-scene.js'
import { answer, type Seen } from '../support/upstream.js'

const COUNT = 1_000
const LANES = 100

/** Sends a keyed POST and leaves, with a reset or an end, as soon as `gone` says that the upstream has it. */
async function askAndLeave(port: number, url: string, key: string, reset: boolean, gone: () => Promise<void>) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(requestBytes(url, { method: 'POST', body: `"${key}"`, fields: [JSON_TYPE, `Idempotency-Key: ${key}`] }))
  await gone()
  if (reset) socket.resetAndDestroy()
  else socket.destroy()
}

const keyOf = (seen: Seen): string => seen.header('idempotency-key') ?? ''

test(`I9: ${COUNT} clients that leave early find their answers when they come again, and nothing was done twice`, async t => {
  let open = (): void => undefined
  const held = new Promise<void>(resolve => {
    open = resolve
  })
  const arrived = new Map<string, () => void>()
  const { upstream, daemon, reusing } = await keyedScene(
    t,
    async seen => {
      arrived.get(keyOf(seen))?.()
      await held
      return answer(201, `{"id":"${keyOf(seen)}"}`, JSON_TYPE)
    },
    [`idempotency: { replay: { ${NO_CEILING} } }`],
  )
  await crowd(COUNT, LANES, i => {
    const key = `order-${i}-abcdefgh`
    const seen = new Promise<void>(resolve => arrived.set(key, resolve))
    return askAndLeave(daemon.port, `${upstream.url}/orders`, key, i % 2 === 0, () => seen)
  })
  await until(() => daemon.daemon.holds().clients === 0)
  t.equal(upstream.open(), COUNT, 'no call was cancelled')
  open()
  const records = await daemon.logged(COUNT)
  t.same(new Set(records.map(({ status, end }) => `${status} ${end}`)), new Set(['201 undefined']))
  const again = await crowd(COUNT, LANES, i => reusing(`order-${i}-abcdefgh`, `"order-${i}-abcdefgh"`))
  t.ok(again.every(({ status, text }, i) => status === 201 && text === `{"id":"order-${i}-abcdefgh"}`))
  t.ok(again.every(({ header }) => header('idempotent-replayed') === 'true'))
  t.equal(upstream.seen.length, COUNT)
  t.equal(daemon.daemon.holds().bodyMemory, 0)
})

test('I9: who comes again while the call that it left still runs waits for that one', async t => {
  let open = (): void => undefined
  const held = new Promise<void>(resolve => {
    open = resolve
  })
  const { upstream, daemon, keyed } = await keyedScene(t, async () => {
    await held
    return answer(201, '{"id":1}', JSON_TYPE)
  }, ['idempotency: { replay: {} }'])
  const url = `${upstream.url}/orders`
  await askAndLeave(daemon.port, url, 'order-1-abcdefgh', true, () => until(() => upstream.seen.length === 1).then())
  const again = keyed('order-1-abcdefgh', '"order-1-abcdefgh"')
  await until(() => daemon.daemon.holds().clients === 1)
  open()
  t.equal((await again).text, '{"id":1}')
  t.equal(upstream.seen.length, 1)
})

test('I9: a client that leaves within its answer leaves the whole of it behind', async t => {
  const body = 'x'.repeat(600_000)
  let finish = (): void => undefined
  const { upstream, daemon, keyed } = await keyedScene(
    t,
    (_, socket) => {
      const whole = answer(200, body, JSON_TYPE)
      finish = () => socket.write(whole.slice(400_000))
      return whole.slice(0, 400_000)
    },
    ['idempotency: { replay: {} }'],
  )
  const socket = connect(daemon.port, '127.0.0.1')
  const fields = [JSON_TYPE, 'Idempotency-Key: order-1-abcdefgh']
  socket.write(requestBytes(`${upstream.url}/orders`, { method: 'POST', body: '{}', fields }))
  await new Promise(resolve => socket.once('data', resolve))
  socket.resetAndDestroy()
  await until(() => daemon.daemon.holds().clients === 0)
  finish()
  await daemon.logged(1)
  const again = await keyed('order-1-abcdefgh')
  t.equal(again.header('idempotent-replayed'), 'true')
  t.equal(again.text, body)
  t.equal(upstream.seen.length, 1)
})

test('L9, I9: without a claim a client that leaves stops everything, also on a route with keys', async t => {
  let left = 0
  const { upstream, daemon } = await keyedScene(t, (_, socket) => void socket.once('close', () => left++), [
    'idempotency: { inject: uuid4, upstream: replay, replay: {} }',
  ])
  const socket = connect(daemon.port, '127.0.0.1')
  socket.write(requestBytes(`${upstream.url}/orders`, { method: 'POST', body: '{}', fields: [JSON_TYPE] }))
  await until(() => upstream.seen.length === 1)
  socket.destroy()
  await until(() => left === 1)
  t.match(await daemon.logged(1), [{ end: 'client-gone' }])
  t.ok(upstream.seen[0]?.header('idempotency-key'), 'a key of ours is no promise to the client')
})

test('I9: nor does an HTTP/2 client cancel its call by resetting the stream, or by closing the connection', async t => {
  let open = (): void => undefined
  const held = new Promise<void>(resolve => {
    open = resolve
  })
  const scene = await interceptedScene(
    t,
    async seen => {
      await held
      return answer(201, `{"id":"${keyOf(seen)}"}`, JSON_TYPE)
    },
    port => apiRoute(port, 'idempotency: { replay: {} }'),
  )
  const fields = (key: string) => ({
    ':method': 'POST',
    ':path': '/orders',
    'content-type': 'application/json',
    'idempotency-key': key,
  })
  const keys = ['order-1-abcdefgh', 'order-2-abcdefgh']
  const [first, second] = [await http2Session(t, scene), await http2Session(t, scene)]
  const reset = first.request(fields(keys[0] as string)).on('error', () => undefined)
  reset.end('{}')
  const dropped = second.request(fields(keys[1] as string)).on('error', () => undefined)
  dropped.end('{}')
  await until(() => scene.upstream.seen.length === 2)
  reset.close(8)
  second.destroy()
  await until(() => scene.daemon.daemon.holds().clients === 1)
  open()
  const records = await scene.daemon.logged(2)
  t.same(
    records.map(({ status }) => status),
    [201, 201],
  )
  for (const key of keys) {
    const again = await ask(first, fields(key), '{}')
    t.same([again.text, again.fields['idempotent-replayed']], [`{"id":"${key}"}`, 'true'])
  }
  t.equal(scene.upstream.seen.length, 2)
})
