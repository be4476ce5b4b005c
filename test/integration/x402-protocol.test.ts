import { randomBytes } from 'node:crypto'
import t from 'tap'
import { keySigner } from '../../src/signer/local-key.js'
import { systemClock } from '../../src/time/clock.js'
import { exactScheme } from '../../src/x402/authorization.js'
import { choose, type Payment } from '../../src/x402/choose.js'
import { judgePaid } from '../../src/x402/judge-paid.js'
import { paymentField } from '../../src/x402/payment-field.js'
import { paymentIdentifier } from '../../src/x402/payment-identifier.js'
import { type Offer, readOffer } from '../../src/x402/terms.js'
import type { Answer } from '../support/client.js'
import { FACTS, POLICY } from '../support/x402/offers.js'
import { openShop, PRICE, payer, type Shop } from '../support/x402/shop.js'

/** Ours against theirs: what the official server asks for is read, chosen, signed and encoded by us alone. */

const HOUR = 3_600_000
const signer = await keySigner({ literal: payer.key }, { env: {}, shared: false })

/** A head as fields: what the exchange has of an answer. */
const fieldsOf = ({ head }: Answer): string[] =>
  head
    .split('\r\n')
    .slice(1)
    .flatMap(line => {
      const colon = line.indexOf(':')
      return colon === -1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()]
    })

function terms(answer: Answer): Offer {
  const offer = readOffer({ fields: fieldsOf(answer), body: answer.body }, POLICY)
  if ('unreadable' in offer) throw new Error(offer.unreadable)
  return offer
}

function pick(offer: Offer, { server }: Shop): Payment {
  const hop = { scheme: 'http', host: 'localhost', port: server.port, direct: true } as const
  const payment = choose(offer, POLICY, { ...FACTS, hop, now: systemClock.now() })
  if (payment.kind === 'refuse') throw new Error(`${payment.reason}: ${payment.detail}`)
  return payment
}

/** The header line that pays for what was asked. */
async function pay(shop: Shop, refusal: Answer, identifier?: string): Promise<string> {
  const offer = terms(refusal)
  const payment = pick(offer, shop)
  const draft = exactScheme.draft(payment, signer.address, randomBytes(exactScheme.randomBytes))
  const payload = draft.payload(await signer.sign(draft.typed))
  const { name, value } = paymentField(offer, payment.requirement, payload, identifier)
  return `${name}: ${value}`
}

const judged = (answer: Answer) =>
  judgePaid({
    kind: 'answer',
    status: answer.status,
    fields: fieldsOf(answer),
    body: answer.body,
    complete: !answer.broken,
  })

for (const version of [2, 1] as const) {
  t.test(`v${version}: the official server takes our payment once, and the chain moves by its price`, async t => {
    const shop = await openShop(t, { version, maxTimeoutSeconds: version === 1 ? 60 : HOUR })
    const field = await pay(shop, await shop.ask())
    t.match(field, version === 1 ? /^X-PAYMENT: / : /^PAYMENT-SIGNATURE: /)
    const paid = await shop.ask(field)
    t.equal(paid.status, 200, paid.text)
    const [used] = shop.chain.authorizationsUsed(payer.address)
    t.match(judged(paid), { standing: 'settled', receipt: { transaction: used?.transaction ?? '', network: /./ } })
    t.strictSame(await shop.moved(), { paid: PRICE, earned: PRICE, payments: 1 })
    t.match(judged(await shop.ask(field)), { standing: 'already_used', code: /nonce_already_used/ })
    t.strictSame(await shop.moved(), { paid: PRICE, earned: PRICE, payments: 1 })
  })
}

t.test('P6: with our identifier the stored answer comes again, and nothing is charged twice', async t => {
  const shop = await openShop(t, { paymentIdentifier: 'required' })
  const field = await pay(shop, await shop.ask(), paymentIdentifier(randomBytes(16)))
  const first = await shop.ask(field)
  t.equal(judged(first).standing, 'settled', first.text)
  const again = await shop.ask(field)
  t.equal(again.status, 200)
  t.equal(again.text, first.text)
  t.equal(judged(again).standing, 'settled')
  t.strictSame(await shop.moved(), { paid: PRICE, earned: PRICE, payments: 1 })
})

t.test('P7: an empty purse is refused_live, a handler that fails leaves the same bytes good', async t => {
  const poor = await openShop(t, { purse: 0n })
  t.match(judged(await poor.ask(await pay(poor, await poor.ask()))), {
    standing: 'refused_live',
    code: /insufficient_balance/,
  })
  let fails = true
  const shop = await openShop(t, { page: (_, response) => response.status(fails ? 503 : 200).json({}) })
  const field = await pay(shop, await shop.ask())
  t.equal(judged(await shop.ask(field)).standing, 'unknown')
  t.strictSame(await shop.moved(), { paid: 0n, earned: 0n, payments: 0 })
  fails = false
  t.equal(judged(await shop.ask(field)).standing, 'settled')
  t.strictSame(await shop.moved(), { paid: PRICE, earned: PRICE, payments: 1 })
})

t.test(
  'P7: over a facilitator that ails, what moved money is never called refused, nor what moved none settled',
  async t => {
    const shop = await openShop(t, { flaky: { rate: 0.7, seed: 3 } })
    const seen = new Set<string>()
    for (let n = 0; n < 30; n++) {
      const before = (await shop.moved()).payments
      const { standing } = judged(await shop.ask(await pay(shop, await shop.ask())))
      const charged = (await shop.moved()).payments > before
      seen.add(`${standing}, ${charged ? 'charged' : 'not charged'}`)
    }
    t.strictSame([...seen].sort(), ['refused_live, not charged', 'settled, charged', 'unknown, charged'])
  },
)
