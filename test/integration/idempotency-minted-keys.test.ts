import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { test } from 'tap'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { JSON_TYPE, keyedRoute, keyedScene } from '../support/keyed-scene.js'
import { startLive } from '../support/live-daemon.js'
import { makeHome } from '../support/mulligan.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

const INJECT = 'idempotency: { inject: uuid4, upstream: replay }'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const done: Script = () => answer(201, '{}', JSON_TYPE)

/** How two SDKs number their tries. */
const NUMBERED: Readonly<Record<string, readonly [first: string, second: string]>> = {
  Stainless: ['x-stainless-retry-count: 0', 'x-stainless-retry-count: 1'],
  AWS: ['amz-sdk-request: attempt=1; max=3', 'amz-sdk-request: attempt=2; max=3'],
}

for (const [sdk, [first, second]] of Object.entries(NUMBERED)) {
  test(`R11: a repeat of ${sdk}'s own has the key of the request that it repeats, and of no other`, async t => {
    const { upstream, post } = await keyedScene(t, done, [INJECT])
    const keyOf = async (body: string, ...fields: string[]) => {
      await post(body, ...fields)
      return upstream.seen.at(-1)?.header('idempotency-key') ?? ''
    }
    const key = await keyOf('{"n":1}', first)
    t.match(key, UUID)
    t.equal(await keyOf('{"n":1}', second), key)
    t.equal(await keyOf('{"n":1}', second), key, 'and again')
    const others = [
      await keyOf('{"n":2}', second),
      await keyOf('{"n":1}', second, 'Authorization: Bearer somebody-else'),
      await keyOf('{"n":1}'),
      await keyOf('{"n":1}'),
      await keyOf('{"n":1}', first),
    ]
    t.equal(new Set([key, ...others]).size, 6, 'another body, another caller, no repeat, or the same order once more')
    t.equal(await keyOf('{"n":1}', second), others.at(-1), 'a repeat belongs to the latest')
  })
}

test('R11: the repeats that the OpenAI and Anthropic SDKs make by themselves come with one key each', async t => {
  let left = 0
  const upstream = await startUpstream(() => (left-- > 0 ? answer(500, '{}', JSON_TYPE) : answer(200, '{}', JSON_TYPE)))
  t.teardown(() => upstream.close())
  const route = keyedRoute(upstream.port, ['mount: /api', `upstream: ${upstream.url}`, 'breaker: off', INJECT])
  const daemon = await startTestDaemon(`store: memory\n${route}`)
  t.teardown(() => daemon.close())
  const settings = { baseURL: `${daemon.url}/api`, apiKey: 'k' }
  const messages = [{ role: 'user' as const, content: 'x' }]
  const calls = [
    () => new OpenAI(settings).chat.completions.create({ model: 'm', messages }),
    () => new Anthropic(settings).messages.create({ model: 'm', max_tokens: 1, messages }),
  ]
  for (const call of calls) {
    const before = upstream.seen.length
    left = 2
    await call()
    const hits = upstream.seen.slice(before)
    t.same(
      hits.map(seen => seen.header('x-stainless-retry-count')),
      ['0', '1', '2'],
      'a 500 is not repeated by us (R1)',
    )
    t.equal(new Set(hits.map(seen => seen.header('idempotency-key'))).size, 1)
  }
  t.equal(new Set(upstream.seen.map(seen => seen.header('idempotency-key'))).size, 2)
})

test('I1: keys of uuid7 sort in the order in which they were made', async t => {
  const { upstream, post } = await keyedScene(t, done, ['idempotency: { inject: uuid7, upstream: replay }'])
  const keys: string[] = []
  for (let i = 0; i < 50; i++) {
    await post('{}')
    const key = upstream.seen.at(-1)?.header('idempotency-key') ?? ''
    t.match(key, UUID)
    // Within one millisecond there is no order.
    if (keys.at(-1)?.slice(0, 13) !== key.slice(0, 13)) keys.push(key)
  }
  t.ok(keys.length > 5)
  t.strictSame(keys, [...keys].sort())
})

const HMAC = 'idempotency: { inject: hmac, from: [{ header: X-Order }, { json: /order/id }], upstream: replay }'

test('I1: a derived key is the same for the same operation, also after the daemon was started anew', async t => {
  const upstream = await startUpstream(done)
  t.teardown(() => upstream.close())
  const home = makeHome(t, keyedRoute(upstream.port, [HMAC]))
  const operations: readonly (readonly [body: string, ...fields: string[]])[] = [
    ['{}', 'X-Order: 4711'],
    ['{"order":{"id":4711}}'],
    ['{"order":{"id":"4711"}}'],
    ['{"order":{"id":9007199254740993}}'],
    ['{"order":{"id":9007199254740992}}'],
    ['{}', 'X-Order: 4711', 'Authorization: Bearer somebody-else'],
  ]
  const run = async () => {
    const daemon = await startLive(t, home, 'off')
    const keys: (string | undefined)[] = []
    for (const [body, ...fields] of operations) {
      const options = { method: 'POST', body, fields: [JSON_TYPE, ...fields] }
      t.equal((await request(daemon.port, `${upstream.url}/orders`, options)).status, 201)
      keys.push(upstream.seen.at(-1)?.header('idempotency-key'))
    }
    await daemon.stop()
    return keys
  }
  const first = await run()
  t.equal(new Set(first).size, operations.length, 'each operation has a key of its own')
  t.ok(first.every(key => /^[0-9a-f]{32}$/.test(key ?? '')))
  t.strictSame(await run(), first)
  const elsewhere = makeHome(t, keyedRoute(upstream.port, [HMAC]))
  const stranger = await startLive(t, elsewhere, 'off')
  const fields = [JSON_TYPE, 'X-Order: 4711']
  await request(stranger.port, `${upstream.url}/orders`, { method: 'POST', body: '{}', fields })
  t.not(upstream.seen.at(-1)?.header('idempotency-key'), first[0], 'of another installation it is another')
})

test('I1: where a request has nothing to derive a key from, it gets a random one', async t => {
  const { upstream, post } = await keyedScene(t, done, [HMAC])
  for (const body of ['{}', '{}', 'no json', '{"order":{"id":""}}', '{"order":{"id":{}}}']) await post(body)
  const keys = upstream.seen.map(seen => seen.header('idempotency-key') ?? '')
  t.ok(keys.every(key => UUID.test(key)))
  t.equal(new Set(keys).size, 5)
})
