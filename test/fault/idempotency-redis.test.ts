import { type Test, test } from 'tap'
import { KeyedClient } from '../support/keyed-client.js'
import {
  bookRoutes,
  FORCE,
  provesNothingDoubled,
  provesNothingLost,
  STORM_LIMIT,
  storm,
} from '../support/kill-storm.js'
import { startLive } from '../support/live-daemon.js'
import { startMortal } from '../support/mortal-daemon.js'
import { type Home, makeHome, mulligan, PATIENT } from '../support/mulligan.js'
import { type OrderBook, orderText, startOrderBook } from '../support/order-book.js'
import { hasRedis, type RedisServer, startRedis } from '../support/redis-server.js'

/** A machine of its own, which shares nothing with the others but the Redis. */
const homeFor = (t: Test, book: OrderBook, { port }: RedisServer, upstream: 'none' | 'replay'): Home =>
  makeHome(t, `${PATIENT}store: "redis://127.0.0.1:${port}/0?prefix=test:"\n${bookRoutes(book, upstream)}`)

test(`I12: two daemons on one Redis, killed in turn ${FORCE.kills} times, lose and double nothing`, {
  timeout: STORM_LIMIT,
}, async t => {
  if (!hasRedis(t)) return
  const redis = await startRedis(t)
  const book = await startOrderBook(t, { dedups: true, takes: 30 })
  const daemons = await Promise.all([1, 2].map(() => startMortal(t, homeFor(t, book, redis, 'replay'))))
  provesNothingLost(t, book, await storm(t, book, daemons))
})

test(`I12: two daemons on one Redis, killed in turn ${FORCE.kills} times, double nothing and list what is in doubt`, {
  timeout: STORM_LIMIT,
}, async t => {
  if (!hasRedis(t)) return
  const redis = await startRedis(t)
  const book = await startOrderBook(t, { dedups: false, takes: 30 })
  const homes = [1, 2].map(() => homeFor(t, book, redis, 'none'))
  const daemons = await Promise.all(homes.map(home => startMortal(t, home)))
  const found = await storm(t, book, daemons)
  provesNothingDoubled(t, book, found)
  for (const { env, folder } of homes) {
    const { stdout } = await mulligan(['idem', 'list', '--uncertain', '--json'], env, '', folder)
    const hints = (JSON.parse(stdout) as { key: string }[]).map(({ key }) => key)
    t.same(
      found.blocked.filter(key => !hints.includes(key.slice(0, 8))),
      [],
      'each machine lists every one of them',
    )
  }
})

/** One daemon, and a gate before the first order is confirmed. */
async function scene(t: Test) {
  const redis = await startRedis(t)
  const book = await startOrderBook(t, { dedups: false, takes: 400 })
  const live = await startLive(t, homeFor(t, book, redis, 'none'), 'off')
  const client = new KeyedClient(() => [live.port], book.url)
  t.teardown(() => client.close())
  const send = (key: string) => client.send(live.port, key)
  /** Sends it, and resolves when the upstream is at it. */
  const sent = async (key: string) => {
    const answer = send(key)
    await book.asked(key)
    return { answer }
  }
  return { redis, book, client, send, sent }
}

/** How often a refusal is timed: a machine that stands still only ever adds, so that one in time says what it takes. */
const TRIES = 4

/** Nothing is sent, and who asks is told so within `limit` milliseconds. */
async function refusedWithin(t: Test, limit: number, key: string, { book, send }: Awaited<ReturnType<typeof scene>>) {
  for (let tries = 1; ; tries++) {
    const since = performance.now()
    const refused = await send(key)
    const took = performance.now() - since
    t.match(refused, { status: 503, text: /"code":"store_unavailable"/ })
    t.match(refused.header('retry-after'), /^[1-9]\d*$/)
    t.equal(book.made(key), 0)
    if (took >= limit && tries < TRIES) continue
    return t.ok(took < limit, `told after ${took.toFixed(0)} ms`)
  }
}

test('I6: with Redis gone nothing is sent, what was sent is answered, and it mends itself', async t => {
  if (!hasRedis(t)) return
  const at = await scene(t)
  const { redis, book, client, send, sent } = at
  const { answer } = await sent('key-on-its-way-0001')
  await redis.kill()
  await refusedWithin(t, 2_000, 'key-that-came-later-1', at)
  t.match(await answer, { status: 201, text: orderText('key-on-its-way-0001') }, 'the answer is delivered')
  t.match(await send('key-on-its-way-0001'), { status: 201 }, 'and still known to the daemon that got it')

  await redis.start()
  t.equal((await client.order('key-that-came-later-1')).kind, 'done')
  t.equal((await client.order('key-on-its-way-0001')).text, orderText('key-on-its-way-0001'))
  t.equal((await send('key-on-its-way-0001')).header('idempotent-replayed'), 'true', 'its end was written afterwards')
  t.same([book.made('key-that-came-later-1'), book.made('key-on-its-way-0001')], [1, 1])
})

test('I6: a Redis that hangs is no reason to wait, nor to send', async t => {
  if (!hasRedis(t)) return
  const at = await scene(t)
  const { redis, book, client, sent } = at
  t.teardown(() => redis.thaw())
  const { answer } = await sent('key-on-its-way-0002')
  redis.freeze()
  const since = performance.now()
  t.match(await answer, { status: 201, text: orderText('key-on-its-way-0002') }, 'the answer is delivered')
  // The order takes 0.4 s, and the store's time would be two more.
  t.ok(performance.now() - since < 2_300, 'and not kept back for the store')
  await refusedWithin(t, 3_000, 'key-that-came-later-2', at)
  redis.thaw()
  t.equal((await client.order('key-that-came-later-2')).kind, 'done')
  t.equal((await client.order('key-on-its-way-0002')).text, orderText('key-on-its-way-0002'))
  t.same([book.made('key-that-came-later-2'), book.made('key-on-its-way-0002')], [1, 1])
})
