import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import type { Response } from '../support/x402/express-app.js'
import { type FaultGatewayOptions, startFaultGateway } from '../support/x402/fault-gateway.js'
import { type PayingSettings, paidScene, payingDaemon } from '../support/x402/paid-scene.js'
import { openShop, PRICE } from '../support/x402/shop.js'

const ONCE = { paid: PRICE, earned: PRICE, payments: 1 }
const TWICE = { paid: 2n * PRICE, earned: 2n * PRICE, payments: 2 }

/** A shop whose paid page waits until the test lets it go on. */
async function slowScene(t: Test, settings: PayingSettings = {}) {
  const pages: (() => void)[] = []
  const page = (_: unknown, response: Response, { number }: { number: number }) => {
    pages.push(() => response.json({ run: number }))
  }
  const scene = await paidScene(t, 'plain', { ...settings, shop: { page } })
  /** A client that is gone once the seller works for it. */
  const leave = async (options = {}) => {
    const socket = connect(scene.daemon.port, '127.0.0.1')
    socket.write(requestBytes(scene.urlOf('/paid'), options))
    await until(() => pages.length > 0)
    await gone(socket)
  }
  /** The seller has done its work. */
  const deliver = () => pages.shift()?.()
  return { ...scene, pages, leave, deliver }
}

async function gone(socket: Socket): Promise<void> {
  socket.destroy()
  await once(socket, 'close')
}

test('P8: a paid call goes on when its client leaves, and the retry gets its answer without paying', async t => {
  const { shop, ask, leave, deliver, pages, words } = await slowScene(t)
  await leave()
  deliver()
  await until(() => words().includes('settled'))
  const retried = await ask('/paid')
  t.equal(retried.status, 200)
  t.same(JSON.parse(retried.text), { run: 1 }, 'the answer that was paid for')
  t.ok(retried.header('payment-response'), 'with its receipt')
  t.same(await shop.moved(), ONCE)

  const wanted = ask('/paid')
  await until(() => pages.length > 0)
  deliver()
  t.same(JSON.parse((await wanted).text), { run: 2 }, 'what was given once is not given again')
  t.same(await shop.moved(), TWICE)
})

test('P8: a retry that comes while the paid call still runs waits for it', async t => {
  const { shop, ask, leave, deliver, words } = await slowScene(t)
  await leave({ method: 'POST', body: 'order' })
  const before = shop.server.requests()
  const retried = ask('/paid', { method: 'POST', body: 'order' })
  await until(() => shop.server.requests() > before)
  deliver()
  t.same(JSON.parse((await retried).text), { run: 1 })
  t.same(words(), ['paid', 'settled'])
  t.same(await shop.moved(), ONCE)
})

test('P8: another body is another purchase, whoever left before', async t => {
  const { shop, ask, leave, deliver, pages, words } = await slowScene(t)
  await leave({ method: 'POST', body: 'order' })
  deliver()
  await until(() => words().includes('settled'))
  const other = ask('/paid', { method: 'POST', body: 'another order' })
  await until(() => pages.length > 0)
  deliver()
  t.same(JSON.parse((await other).text), { run: 2 })
  t.same(await shop.moved(), TWICE)
})

test('P8: after `hold` the answer is gone, and who asks wants another one', async t => {
  const { shop, ask, leave, deliver, pages, words } = await slowScene(t, { payment: 'hold: 0s' })
  await leave()
  deliver()
  await until(() => words().includes('settled'))
  const wanted = ask('/paid')
  await until(() => pages.length > 0)
  deliver()
  t.same(JSON.parse((await wanted).text), { run: 2 })
  t.same(await shop.moved(), TWICE)
})

/** A shop behind a line with faults. */
async function badLine(t: Test, options: Pick<FaultGatewayOptions, 'faults'>, settings: PayingSettings = {}) {
  const shop = await openShop(t, settings.payment === undefined ? {} : { paymentIdentifier: 'optional' })
  const isPaid: FaultGatewayOptions['only'] = ({ header }) => header('payment-signature') !== undefined
  const gateway = await startFaultGateway(shop.server.port, { rate: 1, seed: 1, only: isPaid, ...options })
  t.teardown(() => gateway.close())
  const daemon = await payingDaemon(t, gateway.port, 'plain', { ...settings, route: ['retry: off', 'breaker: off'] })
  const presented = () => gateway.seen.map(({ header }) => header('payment-signature')).filter(Boolean)
  return { shop, gateway, presented, ...daemon }
}

test('P8: a client that left a paid call whose answer was lost presents the same bytes when it is back', async t => {
  const { shop, gateway, presented, daemon, urlOf, words, ask } = await badLine(t, { faults: ['reset-after'] })
  const socket = connect(daemon.port, '127.0.0.1')
  socket.write(requestBytes(urlOf('/paid')))
  await until(() => presented().length > 0)
  await gone(socket)
  await until(() => words().includes('unknown'))
  gateway.behave(true)
  const retried = await ask('/paid')
  t.equal(retried.status, 402, 'the seller says that it was paid')
  t.equal(new Set(presented()).size, 1)
  t.same(words(), ['paid', 'unknown', 'presented-again', 'settled_undelivered'])
  t.same(await shop.moved(), ONCE)
})

test('P5: with one idempotency key it is one purchase, whatever else the client sends', async t => {
  const { shop, gateway, presented, words, ask } = await badLine(t, { faults: ['502-after'] })
  const order = { method: 'POST', body: '{"at":1}', fields: ['Idempotency-Key: order-1'] }
  t.equal((await ask('/paid', order)).status, 502)
  gateway.behave(true)
  t.equal((await ask('/paid', { ...order, body: '{"at":2}' })).status, 402)
  t.equal(new Set(presented()).size, 1)
  t.same(words(), ['paid', 'unknown', 'presented-again', 'settled_undelivered'])
  t.same(await shop.moved(), ONCE)
})
