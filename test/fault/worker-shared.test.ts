import { type Test, test } from 'tap'
import type { ClientLane } from '../support/client-lane.js'
import { crowd } from '../support/crowd.js'
import { lanesToEach, startCrew } from '../support/live-crew.js'
import { PATIENT } from '../support/mulligan.js'
import { startOrderBook } from '../support/order-book.js'
import { answer, startUpstream } from '../support/upstream.js'
import { countBy } from '../support/x402/faulty-purchases.js'
import { openBook, payingHome } from '../support/x402/paid-scene.js'
import { openShop, PRICE } from '../support/x402/shop.js'

const TWO = `workers: 2\n${PATIENT}`
const CAP = 50
const MANY = 200

/** Where nothing is paid for. */
async function pageFor(t: Test): Promise<string> {
  const upstream = await startUpstream(() => answer(200, 'ok'))
  t.teardown(() => upstream.close())
  return upstream.url
}

test(`P3: ${MANY} purchases over two workers against a cap of ${CAP} make exactly ${CAP} signatures`, async t => {
  t.setTimeout(90_000)
  const shop = await openShop(t)
  const limits = '{ per_request: "0.05 USDC", total: "0.50 USDC" }'
  const home = payingHome(t, shop.server.port, { limits }, TWO)
  const crew = await startCrew(t, '', home)
  const lanes = await lanesToEach(t, crew, MANY / 2, await pageFor(t))
  const answers = await Promise.all(lanes.map((lane, n) => lane.ask(`${shop.server.url}/paid?n=${n}`)))
  t.same(
    countBy(answers, ({ status }) => String(status)),
    { 200: CAP, 402: MANY - CAP },
  )
  t.same(await shop.moved(), { paid: BigInt(CAP) * PRICE, earned: BigInt(CAP) * PRICE, payments: CAP })
  const metrics = await crew.metrics()
  t.equal(metrics.value('mulligan_spend_units_total', { wallet: 'agent', asset: 'USDC' }), Number(PRICE) * CAP)
  await crew.stop()
  // Only now the last line of the log is here.
  t.equal(crew.printed().match(/"what":"paid"/g)?.length, CAP)
  const book = await openBook(t, home.state)
  t.equal((await book.entries()).length, CAP)
})

test('I1: requests with one key over two workers are executed once', async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 40 })
  const crew = await startCrew(
    t,
    `
${TWO}routes:
  - name: orders
    match: { host: 127.0.0.1, port: ${book.port} }
    idempotency: { upstream: none, replay: { rate: { per_second: 100000, burst: 100000 } } }
`,
  )
  const KEYS = 40
  const lanes = await lanesToEach(t, crew, 32, await pageFor(t))
  const answers = await crowd(KEYS * 8, lanes.length, (n, lane) => {
    const fields = [`Idempotency-Key: order-number-${n % KEYS}`, 'Content-Type: application/json']
    return (lanes[lane] as ClientLane).ask(`${book.url}/orders`, { method: 'POST', body: '{}', fields })
  })
  t.same(
    countBy(answers, ({ status }) => String(status)),
    { 201: KEYS * 8 },
  )
  t.equal(book.orders(), KEYS)
  t.same(book.duplicates(), [])
})
