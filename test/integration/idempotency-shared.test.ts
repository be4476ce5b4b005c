import { type Test, test } from 'tap'
import { crowd } from '../support/crowd.js'
import { KeyedClient } from '../support/keyed-client.js'
import { bookRoutes } from '../support/kill-storm.js'
import { startLive } from '../support/live-daemon.js'
import { type Home, makeHome } from '../support/mulligan.js'
import { type OrderBook, orderText, startOrderBook } from '../support/order-book.js'
import { hasRedis, startRedis } from '../support/redis-server.js'

const KEYS = 100
/** Requests with each key, half of them to each daemon. */
const DUPLICATES = 8
const LANES = 64

/** Every request at once with all its duplicates, over both daemons. */
async function race(t: Test, book: OrderBook, homes: readonly [Home, Home]): Promise<void> {
  const live = await Promise.all(homes.map(home => startLive(t, home, 'off')))
  const ports = live.map(({ port }) => port)
  const client = new KeyedClient(() => ports, book.url)
  t.teardown(() => client.close())
  const answers = await crowd(KEYS * DUPLICATES, LANES, n => {
    const key = `order-number-${Math.floor(n / DUPLICATES)}`
    return client.send(ports[n % 2] ?? 0, key).then(answer => ({ key, answer }))
  })
  const wrong = answers.filter(({ key, answer }) => answer.status !== 201 || answer.text !== orderText(key))
  t.same(
    wrong.map(({ key, answer }) => `${key}: ${answer.status} ${answer.text}`),
    [],
    'everybody gets the bytes of the one answer',
  )
  t.equal(book.requests(), KEYS, 'one request per key')

  const bodies = ['{"amount":1}', '{"amount":2}']
  const twins = await Promise.all(bodies.map((body, n) => client.send(ports[n] ?? 0, 'one-key-for-two-bodies', body)))
  t.same(twins.map(({ status }) => status).sort(), [201, 422], 'of two payloads one wins')
  t.equal(book.made('one-key-for-two-bodies'), 1)
}

test(`I6: ${DUPLICATES} duplicates of ${KEYS} keys through two daemons of one state directory are ${KEYS} requests`, async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 20 })
  const home = makeHome(t, bookRoutes(book, 'none'))
  await race(t, book, [home, home])
})

test(`I6: ${DUPLICATES} duplicates of ${KEYS} keys through two daemons on one Redis are ${KEYS} requests`, async t => {
  if (!hasRedis(t)) return
  const redis = await startRedis(t)
  const book = await startOrderBook(t, { dedups: false, takes: 20 })
  const url = `redis://127.0.0.1:${redis.port}/0?prefix=test:`
  const home = () => makeHome(t, `store: "${url}"\n${bookRoutes(book, 'none')}`)
  await race(t, book, [home(), home()])
})
