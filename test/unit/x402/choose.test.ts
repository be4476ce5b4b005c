import fc from 'fast-check'
import t from 'tap'
import { millis } from '../../../src/time/units.js'
import { choose, EXPIRY_MARGIN_SECONDS, type PaymentFacts } from '../../../src/x402/choose.js'
import type { Asset, PaymentPolicy } from '../../../src/x402/policy.js'
import { type Offer, readOffer } from '../../../src/x402/terms.js'
import { START } from '../../support/clock.js'
import { holds } from '../../support/property.js'
import {
  answerV1,
  answerV2,
  FACTS,
  POLICY,
  requirement,
  requirementV1,
  SELLER,
  terms,
  termsV1,
  USDC,
} from '../../support/x402/offers.js'

const OTHER: Asset = {
  ...USDC,
  address: `0x${'cd'.repeat(20)}`,
  symbol: 'tUSD',
  decimals: 18,
  name: 'Test',
  version: '1',
}
const KEY = `${USDC.chain}/${USDC.address}` as const
const STRANGER = `0x${'9'.repeat(40)}`

function offer(value: unknown, policy = POLICY): Offer {
  const read = readOffer(
    (value as { x402Version: number }).x402Version === 1 ? answerV1(value) : answerV2(value),
    policy,
  )
  if ('unreadable' in read) throw new Error(read.unreadable)
  return read
}

const chosen = (value: unknown, policy: Partial<PaymentPolicy> = {}, facts: Partial<PaymentFacts> = {}) =>
  choose(offer(value), { ...POLICY, ...policy }, { ...FACTS, ...facts })

/** The word of a refusal, or the amount that is paid. */
function word(...args: Parameters<typeof chosen>): string | bigint {
  const result = chosen(...args)
  return result.kind === 'pay' ? result.amount : result.reason
}

t.test('P2: what is paid has our token, lower-case recipient and a life of seconds from now', t => {
  const today = START / 1_000
  t.match(chosen(terms()), { amount: 10_000n, payTo: SELLER, asset: USDC, validAfter: 0, validBefore: today + 60 })
  t.match(chosen(termsV1()), { amount: 10_000n, validAfter: today - 600, validBefore: today + 60 })
  t.end()
})

t.test('P2: an authorization never lives longer than max_timeout', t => {
  const long = terms({}, { maxTimeoutSeconds: 315_360_000 })
  t.match(chosen(long), { validBefore: START / 1_000 + 120 })
  t.equal(word(long, { when_longer: 'refuse' }), 'validity')
  t.equal(word(terms({}, { maxTimeoutSeconds: 120 }), { when_longer: 'refuse' }), 10_000n)
  const margin = terms({}, { maxTimeoutSeconds: EXPIRY_MARGIN_SECONDS })
  t.equal(word(margin), 'validity', 'over before it could be presented')
  t.equal(word(terms({}, { maxTimeoutSeconds: EXPIRY_MARGIN_SECONDS + 1 })), 10_000n)
  t.equal(word(terms(), { max_timeout: millis(6_999) }), 'validity')
  t.end()
})

t.test('P2: the recipient is on the list, or the one that the origin began with', t => {
  t.match(chosen(terms()), { firstUse: true })
  t.match(chosen(terms(), {}, { pinned: new Map([[KEY, SELLER]]) }), { kind: 'pay', firstUse: false })
  t.equal(word(terms(), {}, { pinned: new Map([[KEY, STRANGER]]) }), 'recipient-changed')
  t.match(chosen(terms(), { pay_to: [STRANGER, SELLER] }), { kind: 'pay', firstUse: false })
  t.equal(word(terms(), { pay_to: [STRANGER] }), 'recipient')
  t.match(chosen(terms(), { pay_to: [SELLER] }, { pinned: new Map([[KEY, STRANGER]]) }), { kind: 'pay' })
  t.end()
})

t.test('P2: a price may be max, not one unit more, and not drift', t => {
  const lastPaid = new Map([[KEY, 8_000n]])
  t.equal(word(terms({}, { amount: '50000' })), 50_000n)
  t.equal(word(terms({}, { amount: '0' })), 0n)
  t.equal(word(terms(), { max: {} }), 'amount')
  t.equal(word(terms(), { max: JSON.parse('{"__proto__":{"USDC":1}}') as PaymentPolicy['max'] }), 'amount')
  t.equal(word(terms(), { drift: 1.25 }, { lastPaid }), 10_000n)
  t.equal(word(terms(), { drift: 1.249 }, { lastPaid }), 'drift')
  t.equal(word(terms(), { drift: 1 }), 10_000n, 'nothing was paid before')
  t.end()
})

t.test('P2: the cheapest that fits, the first of equals, whatever stands before it', t => {
  const tUSD = { asset: OTHER.address, extra: { name: 'Test', version: '1' } }
  const policy = { assets: [USDC, OTHER], max: { USDC: 50_000n, tUSD: 10n ** 18n } }
  const dear = requirement({ amount: '20000' })
  const accepts = [{ scheme: 'upto', network: 'eip155:84532' }, dear, requirement(), requirement({ payTo: STRANGER })]
  t.match(chosen(terms({ accepts })), { amount: 10_000n, payTo: SELLER })
  const cheap = requirement({ ...tUSD, amount: '9999999999999999' })
  t.match(chosen(terms({ accepts: [dear, requirement(), cheap] }), policy), { asset: OTHER })
  const same = requirement({ ...tUSD, amount: '10000000000000000' })
  t.match(chosen(terms({ accepts: [requirement(), same] }), policy), { asset: USDC })
  t.match(chosen(terms({ accepts: [same, requirement()] }), policy), { asset: OTHER })
  t.end()
})

t.test('a refusal says what a stranger wrote in a few harmless characters', t => {
  const result = chosen(terms({}, { scheme: `\u001b[2J\n${'x'.repeat(100)}` }))
  t.match(result, { reason: 'scheme', detail: `scheme "?[2J?${'x'.repeat(35)}"` })
  t.end()
})

t.test('version 1 pays the first requirement of a network, because the server will take it for that', t => {
  const accepts = [requirementV1({ maxAmountRequired: '20000' }), requirementV1()]
  t.equal(word(termsV1({ accepts })), 20_000n)
  t.end()
})

t.test('P2: nothing is paid over plain http, but on this machine or when allowed', t => {
  const plain = { hop: { ...FACTS.hop, scheme: 'http' as const, port: 80 } }
  t.equal(word(terms(), {}, plain), 'insecure')
  t.equal(word(terms(), { allow_insecure: true }, plain), 10_000n)
  const local = { hop: { scheme: 'http' as const, host: '127.0.0.1', port: 8080, direct: true } }
  t.equal(word(terms({ resource: { url: 'http://127.0.0.1:8080/x' } }), {}, local), 10_000n)
  t.equal(word(terms(), {}, { timeLeft: millis(0) }), 'no-time')
  t.equal(word(termsV1(), { versions: [2] }), 'version')
  t.end()
})

t.test('P2: a resource is of our origin as far as a seller behind a proxy can know', t => {
  const rows: [string, boolean][] = [
    ['https://api.example/other', true],
    ['http://api.example/weather', true],
    ['HTTPS://API.EXAMPLE:443/', true],
    ['https://api.example?x=1', true],
    ['/weather', true],
    ['weather report', true],
    ['http://api.example:80/', false],
    ['//evil.example/', false],
    ['https://', false],
    ['mcp://tool/x', false],
  ]
  for (const [url, ours] of rows) {
    const asked = terms({ resource: { url } })
    t.equal(word(asked), ours ? 10_000n : 'foreign-resource', url)
    t.equal(word(asked, { resource: 'any' }), 10_000n, url)
  }
  const away = terms({ resource: { url: 'https://front.example:99/' } })
  t.equal(word(away, {}, { askedHost: 'front.example' }), 10_000n, 'the host that the client asked')
  t.end()
})

const ways = fc.record({
  scheme: fc.constantFrom('exact', 'exact', 'exact', 'upto'),
  network: fc.constantFrom('eip155:84532', 'eip155:84532', 'eip155:8453', 'solana:main'),
  amount: fc.oneof(fc.bigInt({ min: 0n, max: 120_000n }), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })).map(String),
  asset: fc.constantFrom(USDC.address, USDC.address.toUpperCase().replace('X', 'x'), OTHER.address, STRANGER),
  payTo: fc.constantFrom(SELLER, STRANGER),
  maxTimeoutSeconds: fc.integer({ min: 1, max: 400 }),
  extra: fc.record({
    name: fc.constantFrom('USDC', 'USDC', 'Test'),
    version: fc.constantFrom('2', '2', '1'),
    paymentFlow: fc.constantFrom(undefined, undefined, 'authorization', 'upfront'),
    assetTransferMethod: fc.constantFrom(undefined, undefined, 'eip3009', 'permit2'),
  }),
})
type Way = ReturnType<typeof ways.generate>['value']

/** The rules of P2 once more, for one requirement. */
const fits = ({ scheme, network, amount, asset, payTo, maxTimeoutSeconds, extra }: Way): boolean =>
  scheme === 'exact' &&
  network === 'eip155:84532' &&
  BigInt(amount) <= 50_000n &&
  asset.toLowerCase() === USDC.address &&
  payTo === SELLER &&
  maxTimeoutSeconds > 6 &&
  extra.name === 'USDC' &&
  extra.version === '2' &&
  extra.paymentFlow !== 'upfront' &&
  extra.assetTransferMethod !== 'permit2'

t.test('P2: of any list of requirements, the cheapest that keeps every rule is paid, or none', t => {
  holds(
    t,
    fc.property(fc.array(ways, { minLength: 1, maxLength: 8 }), accepts => {
      const result = chosen(terms({ accepts }), { assets: [USDC, OTHER], pay_to: [SELLER] })
      const prices = accepts.filter(fits).map(({ amount }) => BigInt(amount))
      const least = prices.reduce<bigint | undefined>(
        (low, next) => (low === undefined || next < low ? next : low),
        undefined,
      )
      const paid = result.kind === 'pay' ? result.amount : undefined
      return paid === least
    }),
    2_000,
  )
  t.end()
})
