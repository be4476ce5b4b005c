import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startCrew } from '../support/live-crew.js'
import { startOrderBook } from '../support/order-book.js'
import { seeded } from '../support/random.js'
import { startFaultGateway } from '../support/x402/fault-gateway.js'
import { countBy } from '../support/x402/faulty-purchases.js'
import { readOffer } from '../support/x402/official-buyer.js'
import { payingHome } from '../support/x402/paid-scene.js'
import { isPaid } from '../support/x402/scripted-seller.js'
import { openShop, PRICE } from '../support/x402/shop.js'

/** The long form: KILLS=100. */
const KILLS = Number(process.env['KILLS'] ?? 2)
const CLIENTS = 12
/** Milliseconds between kills at most, and between two tries of a client. */
const LIFE = 600
const PAUSE = 50

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Kills one of the workers again and again, while many do the same over and over. */
async function stormed(crew: Awaited<ReturnType<typeof startCrew>>, act: () => Promise<void>): Promise<void> {
  const random = seeded(SEED)
  let isOver = false
  const clients = crowd(CLIENTS, CLIENTS, async () => {
    while (!isOver) await act()
  })
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(100 + random() * LIFE)
    const workers = crew.workers()
    process.kill(workers[Math.floor(random() * workers.length)] ?? 0, 'SIGKILL')
    await crew.next(({ msg }) => msg === 'worker replaced')
  }
  isOver = true
  await clients
}

test(`I12: ${KILLS} workers are killed under keyed load: no order is made twice, and the others go on`, async t => {
  t.setTimeout(120_000 + KILLS * 10_000)
  t.comment(`seed ${SEED}`)
  const book = await startOrderBook(t, { dedups: false, takes: 40 })
  const crew = await startCrew(
    t,
    `
workers: 2
routes:
  - name: orders
    match: { host: 127.0.0.1, port: ${book.port} }
    retry: { backoff: { base: 10ms, cap: 20ms } }
    idempotency: { upstream: none, replay: { rate: { per_second: 100000, burst: 100000 } } }
`,
  )
  let count = 0
  const ends: string[] = []
  const place = async () => {
    const fields = [`Idempotency-Key: order-number-${count++}`, 'Content-Type: application/json']
    for (;;) {
      const got = await request(crew.port, `${book.url}/orders`, { method: 'POST', body: '{}', fields })
      if (got.status === 201 && !got.broken) return void ends.push('done')
      if (/outcome_unknown/.test(got.text)) return void ends.push('unknown')
      await sleep(PAUSE)
    }
  }
  await stormed(crew, place)
  t.same(book.duplicates(), [])
  t.equal(ends.length, count)
  t.ok(ends.filter(end => end === 'unknown').length <= KILLS * CLIENTS, 'only what a dead one had begun is unknown')
  t.comment(JSON.stringify(countBy(ends, end => end)))
})

test(`P10: ${KILLS} workers are killed under paying load: no purchase is signed twice`, async t => {
  t.setTimeout(120_000 + KILLS * 10_000)
  t.comment(`seed ${SEED}`)
  const shop = await openShop(t, { purse: 1_000_000_000n })
  const line = await startFaultGateway(shop.server.port, { rate: 0, seed: 1 })
  t.teardown(() => line.close())
  const crew = await startCrew(t, '', payingHome(t, line.port, { route: ['breaker: off'] }, 'workers: 2\n'))
  let wanted = 0
  const ends: string[] = []
  const buy = async () => {
    const url = `${line.url}/paid?n=${wanted++}`
    for (;;) {
      const got = await request(crew.port, url)
      if (got.status === 200 && !got.broken) return void ends.push('delivered')
      if (got.status === 402 && !got.broken && /nonce_already_used/.test(readOffer(got).error ?? ''))
        return void ends.push('lost')
      await sleep(PAUSE)
    }
  }
  await stormed(crew, buy)
  const paidFor = line.seen.filter(isPaid)
  const signatures = new Set(paidFor.map(({ path, header }) => `${path} ${header('payment-signature')}`))
  const { paid, payments } = await shop.moved()
  t.comment(`${wanted} purchases: ${JSON.stringify(countBy(ends, end => end))}`)
  t.equal(new Set(paidFor.map(({ path }) => path)).size, wanted, 'everything wanted was paid for')
  t.equal(signatures.size, wanted, 'by one signature each')
  t.equal(payments, wanted, 'and one payment on the chain')
  t.equal(paid, BigInt(wanted) * PRICE)
})
