import { type Test, test } from 'tap'
import { type Answer, request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startLive } from '../support/live-daemon.js'
import { startUpstream } from '../support/upstream.js'
import { countBy } from '../support/x402/faulty-purchases.js'
import { answerV2, SELLER, terms } from '../support/x402/offers.js'
import { openBook, paidScene, payingDaemon, payingHome } from '../support/x402/paid-scene.js'
import { isPaid, refusalOf } from '../support/x402/scripted-seller.js'
import { openShop, PRICE, payer, type Shop } from '../support/x402/shop.js'

/** Room for 50 payments, for as long as the ledger lives. */
const CAP = 50
const LIMITS = '{ per_request: "0.05 USDC", total: "0.50 USDC" }'
const MANY = 200

const statuses = (answers: readonly Answer[]) => countBy(answers, ({ status }) => String(status))

/** Exactly as many signatures as fit, all of them cashed, and everybody else has the seller's own 402. */
async function provesCap(t: Test, shop: Shop, answers: readonly Answer[]): Promise<void> {
  t.same(statuses(answers), { 200: CAP, 402: answers.length - CAP })
  t.same(await shop.moved(), { paid: BigInt(CAP) * PRICE, earned: BigInt(CAP) * PRICE, payments: CAP })
  const refused = answers.filter(({ status }) => status === 402)
  t.equal(refused.filter(({ header }) => header('payment-required') === undefined).length, 0)
  t.equal(new Set(shop.chain.authorizationsUsed(payer.address).map(({ nonce }) => nonce)).size, CAP)
}

test(`P3: ${MANY} at once against a cap of ${CAP} make exactly ${CAP} signatures`, async t => {
  const { shop, ask, words } = await paidScene(t, 'plain', { limits: LIMITS, store: 'embedded' })
  const answers = await crowd(MANY, MANY, n => ask(`/paid?n=${n}`))
  await provesCap(t, shop, answers)
  t.same(
    countBy(words(), word => word),
    { paid: CAP, settled: CAP, total: MANY - CAP },
  )
})

test('P3: the cap holds over two routes with one wallet', async t => {
  const { shop, ask, words } = await paidScene(t, 'plain', {
    limits: LIMITS,
    routes: ['paid', 'also'],
    shop: { prices: { '/paid': '10000', '/also': '10000' } },
  })
  const answers = await crowd(MANY, MANY, n => ask(`/${n % 2 === 0 ? 'paid' : 'also'}?n=${n}`))
  await provesCap(t, shop, answers)
  t.equal(words().filter(word => word === 'paid').length, CAP)
})

test('P3: the cap holds over two daemons with one state directory, and over their restart', async t => {
  const shop = await openShop(t)
  const home = payingHome(t, shop.server.port, { limits: LIMITS })
  const first = await Promise.all([startLive(t, home, 'off'), startLive(t, home, 'off')])
  const buy = (daemons: typeof first, from: number, count: number) =>
    crowd(count, count, n => {
      const { port } = daemons[n % 2] ?? daemons[0]
      return request(port, `${shop.server.url}/paid?n=${from + n}`)
    })
  const before = await buy(first, 0, 30)
  t.same(statuses(before), { 200: 30 })
  await Promise.all(first.map(daemon => daemon.stop()))
  const second = await Promise.all([startLive(t, home, 'off'), startLive(t, home, 'off')])
  const after = await buy(second, 30, MANY)
  await provesCap(t, shop, [...before, ...after])
  // What came of a payment is written down behind its answer.
  await Promise.all(second.map(daemon => daemon.stop()))
  const book = await openBook(t, home.state)
  t.same(
    countBy(await book.entries(), ({ state }) => state),
    { settled: CAP },
    'and the ledger has just these',
  )
})

test('P3: no more payments in a minute than per_minute', async t => {
  const limits = '{ per_request: "0.05 USDC", total: "100 USDC", per_minute: 5 }'
  const { shop, ask, words } = await paidScene(t, 'plain', { limits })
  const minute = () => Math.floor(Date.now() / 60_000)
  const began = minute()
  await crowd(20, 20, n => ask(`/paid?n=${n}`))
  const { payments } = await shop.moved()
  if (minute() !== began) t.comment('a minute ended meanwhile: the count began anew')
  t.ok(minute() === began ? payments === 5 : payments >= 5 && payments <= 10, `${payments} payments`)
  t.equal(words().filter(word => word === 'per_minute').length, 20 - payments)
})

test('P2: an origin’s first recipient stays: another one is refused, and its 402 is the client’s', async t => {
  let payTo = SELLER
  const offer = () => answerV2(terms({ resource: { url: '/paid' } }, { payTo }))
  const seller = await startUpstream(seen => (isPaid(seen) ? 'HTTP/1.1 204 Paid\r\n\r\n' : refusalOf(offer())))
  t.teardown(() => seller.close())
  const { ask, words } = await payingDaemon(t, seller.port)
  t.equal((await ask('/paid')).status, 204)
  payTo = `0x${'77'.repeat(20)}`
  const refused = await ask('/paid')
  t.equal(refused.status, 402)
  t.equal(refused.text, '{}')
  payTo = SELLER.toUpperCase().replace('0X', '0x')
  t.equal((await ask('/paid')).status, 204, 'the first one is as good as ever')
  t.same(words(), ['paid', 'delivered_unconfirmed', 'recipient-changed', 'paid', 'delivered_unconfirmed'])
})

test('P2: of two recipients that ask at the same time for the first payment, one is paid', async t => {
  let turn = 0
  const both: (() => void)[] = []
  const seller = await startUpstream((seen, socket) => {
    if (isPaid(seen)) return 'HTTP/1.1 204 Paid\r\n\r\n'
    const payTo = `0x${String(++turn).repeat(40)}`
    both.push(() => socket.write(refusalOf(answerV2(terms({ resource: { url: '/paid' } }, { payTo })))))
    if (both.length === 2) for (const send of both) send()
    return undefined
  })
  t.teardown(() => seller.close())
  const { ask, words } = await payingDaemon(t, seller.port)
  const answers = await Promise.all([ask('/paid?n=1'), ask('/paid?n=2')])
  t.same(statuses(answers), { 204: 1, 402: 1 })
  t.equal(words().filter(word => word === 'paid').length, 1)
})
