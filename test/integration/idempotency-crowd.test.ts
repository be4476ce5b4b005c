import { test } from 'tap'
import { lanesFor, problemOf } from '../support/client-lane.js'
import { crowd, until } from '../support/crowd.js'
import { JSON_TYPE, keyedScene, NO_CEILING } from '../support/keyed-scene.js'
import { answer } from '../support/upstream.js'

const REPLAY = [`idempotency: { replay: { ${NO_CEILING} } }`]
const DUPLICATES = 100

test('I6: a hundred at once with one key, for a thousand keys, are a thousand requests, and all get the same bytes', async t => {
  const keys = 1_000
  const { upstream, daemon } = await keyedScene(
    t,
    ({ number }) =>
      answer(201, `{"id":${number},"text":"${'x'.repeat(200)}"}`, JSON_TYPE, `Location: /orders/${number}`),
    REPLAY,
  )
  const lanes = lanesFor(t, daemon.port, DUPLICATES)
  for (let key = 0; key < keys; key++) {
    const fields = [JSON_TYPE, `Idempotency-Key: order-${key}-abcdefgh`]
    const ask = (lane: number) =>
      (lanes[lane] as (typeof lanes)[0]).ask(`${upstream.url}/orders`, { method: 'POST', body: '{}', fields })
    const told = await crowd(DUPLICATES, DUPLICATES, (_, lane) => ask(lane))
    const different = new Set(told.map(({ status, text, header }) => `${status} ${header('location')} ${text}`))
    if (different.size !== 1) t.fail(`key ${key}: ${[...different].join(' | ')}`)
    const unmarked = told.filter(({ header }) => header('idempotent-replayed') !== 'true').length
    if (unmarked !== 1) t.fail(`key ${key}: ${unmarked} answers without the mark of a replay`)
  }
  t.equal(upstream.seen.length, keys)
  t.equal(daemon.daemon.holds().bodyMemory, 0)
})

test('I6: 256 wait for a key that runs, and whoever comes then is told when to come again', async t => {
  let open = (): void => undefined
  const held = new Promise<void>(resolve => {
    open = resolve
  })
  const { upstream, keyed } = await keyedScene(
    t,
    async () => {
      await held
      return answer(201, '{"id":1}', JSON_TYPE)
    },
    REPLAY,
  )
  const key = 'order-1-abcdefgh'
  const owner = keyed(key)
  await until(() => upstream.seen.length === 1)
  let refused = 0
  const others = Array.from({ length: 280 }, async () => {
    const got = await keyed(key)
    if (got.status === 409) refused++
    return got
  })
  await until(() => refused === 24)
  open()
  const answers = await Promise.all([owner, ...others])
  const [late, told] = [answers.filter(({ status }) => status === 409), answers.filter(({ status }) => status !== 409)]
  t.same(new Set(told.map(({ status, text }) => `${status} ${text}`)), new Set(['201 {"id":1}']))
  t.same([told.length, late.length], [257, 24])
  t.ok(
    late.every(got => problemOf(got)['code'] === 'key_in_flight' && /^[1-9]\d*$/.test(got.header('retry-after') ?? '')),
  )
  t.equal(upstream.seen.length, 1)
})

test('I5, I6: of two payloads that race for one key one is done, and the other is refused at once', async t => {
  const { upstream, keyed } = await keyedScene(t, ({ body }) => answer(201, body.toString(), JSON_TYPE), REPLAY)
  for (let round = 0; round < 100; round++) {
    const before = upstream.seen.length
    const answers = await crowd(10, 10, i => keyed(`race-${round}-abcdefgh`, `{"payload":${i % 2}}`))
    const done = upstream.seen.at(-1)?.body.toString() ?? ''
    const told = answers.map(
      ({ status, text }, i) => `${done.includes(`:${i % 2}}`)} ${status} ${status === 201 ? text : ''}`,
    )
    if (upstream.seen.length !== before + 1) t.fail(`round ${round}: ${upstream.seen.length - before} requests`)
    t.strictSame([...new Set(told)].sort(), ['false 422 ', `true 201 ${done}`])
  }
})

test('I6: with `in_flight: reject` a second request is told at once, and replayed once the first is done', async t => {
  let open = (): void => undefined
  const held = new Promise<void>(resolve => {
    open = resolve
  })
  const { upstream, keyed } = await keyedScene(t, async () => {
    await held
    return answer(201, '{"id":1}', JSON_TYPE)
  }, ['idempotency: { replay: { in_flight: reject } }'])
  const first = keyed('order-1-abcdefgh')
  await until(() => upstream.seen.length === 1)
  const second = await keyed('order-1-abcdefgh')
  t.same([second.status, problemOf(second)['code'], second.header('retry-after')], [409, 'key_in_flight', '1'])
  open()
  t.equal((await first).status, 201)
  t.equal((await keyed('order-1-abcdefgh')).header('idempotent-replayed'), 'true')
  t.equal(upstream.seen.length, 1)
})
