import { test } from 'tap'
import { readAnswer, requestBytes } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'
import { readReceipt } from '../support/x402/official-buyer.js'
import { paidScene, payingDaemon, WAYS } from '../support/x402/paid-scene.js'
import { REFUSAL } from '../support/x402/scripted-seller.js'
import { PRICE, payer } from '../support/x402/shop.js'

const ONCE = { paid: PRICE, earned: PRICE, payments: 1 }
const NEVER = { paid: 0n, earned: 0n, payments: 0 }

for (const way of WAYS) {
  for (const version of [2, 1] as const) {
    test(`P1: v${version}, ${way}: a 402 is paid once, the client sees answer and receipt, and the money moves`, async t => {
      const { shop, ask, words } = await paidScene(t, way, { shop: { version } })
      const got = await ask('/paid')
      t.equal(got.status, 200, words().join(' '))
      t.match(JSON.parse(got.text), { target: '/paid', run: 1 })
      t.match(readReceipt(got), { success: true, payer: payer.address }, 'the receipt passes unchanged')
      t.same(await shop.moved(), ONCE)
      t.equal((await ask('/paid')).status, 200)
      t.same(await shop.moved(), { paid: 2n * PRICE, earned: 2n * PRICE, payments: 2 }, 'two wanted ones are two (P5)')
      t.same(words(), ['paid', 'settled', 'paid', 'settled'])
    })
  }

  test(`P1: ${way}: a client that pays for itself passes through, and nothing is paid beside it`, async t => {
    const { shop, ask, words } = await paidScene(t, way)
    const { field } = await shop.buyer.sign(await ask('/paid', { fields: ['X-PAYMENT: e30='] }))
    const got = await ask('/paid', { fields: [field] })
    t.equal(got.status, 200)
    t.same(await shop.moved(), ONCE)
    const again = await ask('/paid', { fields: [field] })
    t.equal(again.status, 402, 'its own 402 is its own business')
    for (const other of [
      'Authorization: L402 a:b',
      'Authorization: Payment eyJ9',
      'X-PAYMENT: e30=',
      'Payment-Signature: x',
    ])
      t.equal((await ask('/paid', { fields: [other] })).status, 402, other)
    t.equal((await ask('/paid', { fields: ['Authorization: Bearer k'] })).status, 200, 'a mere login pays nothing')
    t.same(words(), ['paid', 'settled'])
    t.same(await shop.moved(), { paid: 2n * PRICE, earned: 2n * PRICE, payments: 2 })
  })

  test(`P11: ${way}: a wallet that watches tells what it would pay, and the client gets the 402`, async t => {
    const { shop, ask, words, daemon } = await paidScene(t, way, { evm: '{ watch: true }' })
    const got = await ask('/paid')
    t.equal(got.status, 402)
    t.equal(got.header('payment-required') === undefined, false)
    t.same(words(), ['would-pay'])
    t.match(JSON.stringify(daemon.lines), /0\.01 USDC to 0x[0-9a-f]{40}; the wallet watches/)
    t.equal(shop.server.requests(), 1)
    t.same(await shop.moved(), NEVER)
  })

  test(`P6: ${way}: where a seller asks for an identifier, it gets one with the payment`, async t => {
    const { shop, ask } = await paidScene(t, way, { shop: { paymentIdentifier: 'required' } })
    t.equal((await ask('/paid')).status, 200)
    t.same(await shop.moved(), ONCE)
  })

  test(`P7: ${way}: a client whose paid answer was lost is not told the 402 that was paid`, async t => {
    const script: Script = ({ header }, socket) => {
      if (header('payment-signature') === undefined) return REFUSAL
      socket.destroy()
      return undefined
    }
    const seller = await startUpstream(script, way === 'plain' ? {} : { tls: UPSTREAM_CERTIFICATE })
    t.teardown(() => seller.close())
    const presented = () => seller.seen.map(({ header }) => header('payment-signature')).filter(Boolean)
    const { ask, words } = await payingDaemon(t, seller.port, way, { route: ['breaker: off'] })
    const got = await ask('/paid')
    t.equal(got.status, 502)
    t.match(JSON.parse(got.text), { outcome: 'unknown' })
    t.same(words(), ['paid', 'unknown'])
    t.ok(presented().length > 1, `${presented().length} presentations`)
    const again = await ask('/paid')
    t.equal(again.status, 502)
    t.same(words().slice(2), ['presented-again', 'unknown'], 'and again when the client asks again (P5)')
    t.equal(new Set(presented()).size, 1, 'all of the same bytes (P4)')
  })
}

test('P9: a 402 for what was paid is the client’s, and is not paid again', async t => {
  let paid = 0
  const seller = await startUpstream(({ header }) => {
    if (header('payment-signature') === undefined) return REFUSAL
    paid++
    return answer(402, '{"error":"insufficient_funds"}', 'X-Word: second')
  })
  t.teardown(() => seller.close())
  const { ask, words } = await payingDaemon(t, seller.port)
  const got = await ask('/paid')
  t.equal(got.status, 402)
  t.equal(got.header('x-word'), 'second')
  t.equal(got.text, '{"error":"insufficient_funds"}')
  t.equal(paid, 1)
  t.same(words(), ['paid', 'refused_live'])
})

test('P5: with one idempotency key and a replay cache they are one, which all of them are given', async t => {
  const { shop, ask } = await paidScene(t, 'plain', { route: ['idempotency: { replay: { ttl: 1h } }'] })
  const fields = ['Idempotency-Key: one-order']
  const many = await crowd(10, 10, () => ask('/paid', { method: 'POST', body: 'order', fields }))
  t.same(
    new Set(many.map(({ status, text }) => `${status} ${text}`)),
    new Set(['200 {"target":"/paid","run":1,"bytes":5}']),
  )
  t.same(await shop.moved(), ONCE)
})

test('L7: a 402 that was read whole leaves its line to the next request, also when its client is slow to take it', async t => {
  const long = answer(402, 'x'.repeat(900_000), 'Content-Type: text/plain')
  const seller = await startUpstream(({ path }) => (path === '/long' ? long : answer(200, 'next')))
  t.teardown(() => seller.close())
  const { ask, daemon, open, urlOf } = await payingDaemon(t, seller.port)
  const slow = await open()
  slow.pause().write(requestBytes(urlOf('/long')))
  await daemon.logged(1)
  t.equal((await ask('/next')).text, 'next')
  t.equal(seller.connections(), 1)
  const taken = readAnswer(slow)
  slow.resume()
  t.equal((await taken).body.length, 900_000, 'and the slow one gets all of it')
  slow.destroy()
})
