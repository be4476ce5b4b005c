import { test } from 'tap'
import { crowd } from '../support/crowd.js'
import { paidScene } from '../support/x402/paid-scene.js'
import { PRICE } from '../support/x402/shop.js'

test('P5: forty equal requests at once are forty purchases', async t => {
  const { shop, ask } = await paidScene(t, 'plain')
  const answers = await crowd(40, 40, () => ask('/paid'))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.same(await shop.moved(), { paid: 40n * PRICE, earned: 40n * PRICE, payments: 40 })
})

test('P5: equal requests at once with one idempotency key are one purchase after the other, never two at once', async t => {
  const { shop, ask } = await paidScene(t, 'plain')
  const answers = await crowd(4, 4, () => ask('/paid', { fields: ['Idempotency-Key: order-4711-aaaabbbb'] }))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal((await shop.moved()).payments, 4)
})
