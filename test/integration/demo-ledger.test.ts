import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { zeroAddress } from 'viem'
import type { Loopback } from '../../src/demo/loopback.js'
import { startSeller } from '../../src/demo/seller.js'
import { TokenLedger } from '../../src/demo/token-ledger.js'
import { serveTokenRpc } from '../../src/demo/token-rpc.js'
import { jsonRpc } from '../../src/rpc/json-rpc.js'
import { loadEthereum } from '../../src/signer/ethereum.js'
import { keySigner } from '../../src/signer/local-key.js'
import { systemClock } from '../../src/time/clock.js'
import { millis } from '../../src/time/units.js'
import { exactScheme } from '../../src/x402/authorization.js'
import { choose, type Payment } from '../../src/x402/choose.js'
import { paymentField } from '../../src/x402/payment-field.js'
import { paymentIdentifier } from '../../src/x402/payment-identifier.js'
import { type Offer, readOffer as parseOffer } from '../../src/x402/terms.js'
import { type Answer, request } from '../support/client.js'
import { testAccount } from '../support/x402/chain.js'
import { FACTS, POLICY, USDC } from '../support/x402/offers.js'
import { readOffer, readReceipt } from '../support/x402/official-buyer.js'
import { openShop, PRICE, payer, type Shop } from '../support/x402/shop.js'

/**
 * The ledger and the seller of `mulligan demo` are shipped, so they can use none of the official libraries. Here the same
 * payments go to them and to the official seller, facilitator and chain: they must be of one opinion.
 */

type Pair = { readonly shop: Shop; readonly seller: Loopback; readonly ledger: TokenLedger }

const PURSE = 3n * PRICE

async function openPair(t: Test): Promise<Pair> {
  const shop = await openShop(t, { purse: PURSE, paymentIdentifier: 'optional' })
  const ledger = new TokenLedger({ ...USDC, address: shop.chain.token.address }, await loadEthereum())
  ledger.mint(payer.address, PURSE)
  const seller = await startSeller({ ledger, payTo: shop.server.payTo, price: PRICE, behaviour: () => 'answer' })
  t.teardown(seller.close)
  return { shop, seller, ledger }
}

/** The same bytes to both: status and, of a 402, its code. */
async function verdicts({ shop, seller }: Pair, field: string | undefined): Promise<[official: string, demo: string]> {
  const fields = field === undefined ? [] : [field]
  const official = await shop.ask(...fields)
  const ours = await request(Number(new URL(seller.url).port), '/pages/1', { fields })
  return [verdictOf(official), verdictOf(ours)]
}

function verdictOf(answer: Answer): string {
  if (answer.status !== 402) return String(answer.status)
  return `402 ${readOffer(answer).error}`
}

type Change = Partial<Pick<Payment, 'amount' | 'validAfter' | 'validBefore'>> & {
  readonly key?: string
  readonly recipient?: string
  readonly identifier?: string
}

/** A payment as mulligan makes it, or changed before it is signed. */
async function sign(offer: Offer, { key = payer.key, recipient, identifier, ...change }: Change = {}): Promise<string> {
  const payment = choose(offer, POLICY, { ...FACTS, now: Date.now(), hop: HOP })
  if (payment.kind !== 'pay') throw new Error(`refused: ${payment.reason} ${payment.detail}`)
  const signer = await keySigner({ literal: key }, { env: {}, shared: false })
  const whom = recipient && { payTo: recipient, requirement: { ...payment.requirement, payTo: recipient } }
  const draft = exactScheme.draft({ ...payment, ...change, ...(whom || {}) }, signer.address, randomBytes(32))
  const payload = draft.payload(await signer.sign(draft.typed))
  const { name, value } = paymentField(offer, payment.requirement, payload, identifier)
  return `${name}: ${value}`
}

const HOP = { scheme: 'http', host: '127.0.0.1', port: 0, direct: true } as const

async function offerOf({ shop }: Pair): Promise<Offer> {
  const refusal = await shop.ask()
  const fields = ['PAYMENT-REQUIRED', refusal.header('payment-required') ?? '']
  const offer = parseOffer({ fields, body: refusal.body }, { ...POLICY, versions: [2] })
  if ('unreadable' in offer) throw new Error(offer.unreadable)
  // The test network's host is not the resource's.
  return { ...offer, resource: '/paid' }
}

/** Changes the JSON of a payment field. */
function respell(field: string, change: (text: string) => string): string {
  const [name = '', value = ''] = field.split(': ')
  return `${name}: ${Buffer.from(change(Buffer.from(value, 'base64').toString())).toString('base64')}`
}

t.test("the demo's ledger and the official facilitator judge the same payments alike", async t => {
  const pair = await openPair(t)
  const offer = await offerOf(pair)
  const now = Math.floor(Date.now() / 1_000)
  const good = await sign(offer)
  const poor = testAccount('poor').key
  // The official middleware writes of payments that it cannot read.
  t.capture(console, 'warn', () => undefined)
  const cases: [string, string | undefined, string][] = [
    ['no payment', undefined, 'Payment required'],
    ['no base64', 'PAYMENT-SIGNATURE: {}', 'Payment required'],
    ['no JSON', 'PAYMENT-SIGNATURE: Zm9v', 'Payment required'],
    ['other terms', respell(good, text => text.replace('"amount":"10000"', '"amount":"1"')), 'No matching'],
    ['another value than signed', respell(good, text => text.replace('"value":"10000"', '"value":"9"')), 'signature'],
    ['another nonce than signed', respell(good, flipNonce), 'signature'],
    ['the other signature that says the same', respell(good, highS), 'simulation_failed'],
    ['a recovery byte of 0 or 1', respell(good, smallV), 'simulation_failed'],
    ['no hex', respell(good, text => text.replace('"signature":"0x', '"signature":"0xzz')), 'signature'],
    ['another recipient', await sign(offer, { recipient: zeroAddress }), 'recipient_mismatch'],
    ['signed for less', await sign(offer, { amount: 9_999n }), 'value_mismatch'],
    ['over by now', await sign(offer, { validBefore: now - 1 }), 'valid_before'],
    ['over in five seconds', await sign(offer, { validBefore: now + 5 }), 'valid_before'],
    ['not yet good', await sign(offer, { validAfter: now + 600 }), 'valid_after'],
    ['an empty purse', await sign(offer, { key: poor }), 'insufficient_balance'],
  ]
  for (const [name, field, code] of cases) {
    const [official, demo] = await verdicts(pair, field)
    t.equal(demo, official, name)
    t.match(official, code, name)
  }
  t.strictSame(pair.ledger.transfers, [], 'none of them moved anything')
  t.strictSame(await verdicts(pair, good), ['200', '200'], 'the unspoilt one is good')
})

const flipNonce = (text: string): string =>
  text.replace(/("nonce":"0x)(.)/, (_, before: string, digit: string) => `${before}${digit === '0' ? '1' : '0'}`)

const SIGNATURE = /("signature":"0x[0-9a-f]{64})([0-9a-f]{64})(1b|1c)/
const ORDER = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')

const highS = (text: string): string =>
  text.replace(SIGNATURE, (_, before: string, s: string, v: string) => {
    const high = (ORDER - BigInt(`0x${s}`)).toString(16).padStart(64, '0')
    return `${before}${high}${v === '1b' ? '1c' : '1b'}`
  })

const smallV = (text: string): string =>
  text.replace(SIGNATURE, (_, before: string, s: string, v: string) => `${before}${s}${v === '1b' ? '00' : '01'}`)

t.test('a payment counts once on either ledger, and moves the same money', async t => {
  const pair = await openPair(t)
  const { shop, ledger } = pair
  const offer = await offerOf(pair)
  const fields = [await sign(offer), await sign(offer), await sign(offer), await sign(offer)]
  for (const field of fields.slice(0, 3)) t.strictSame(await verdicts(pair, field), ['200', '200'])
  const replay = await verdicts(pair, fields[0])
  t.equal(replay[1], replay[0])
  t.match(replay[0], 'nonce_already_used')
  const broke = await verdicts(pair, fields[3])
  t.equal(broke[1], broke[0])
  t.match(broke[0], 'insufficient_balance')

  t.strictSame(await shop.moved(), { paid: PURSE, earned: PURSE, payments: 3 })
  t.equal(ledger.balanceOf(payer.address), 0n)
  t.equal(ledger.balanceOf(shop.server.payTo), PURSE)
  const chain = shop.chain.authorizationsUsed(payer.address).map(({ nonce, to, value }) => ({ nonce, to, value }))
  t.strictSame(
    ledger.transfers.map(({ nonce, to, value }) => ({ nonce, to, value })),
    chain,
    'the same authorizations, in the same order',
  )
})

t.test('the same bytes with an identifier get the sold page and its receipt again, other bytes 409', async t => {
  const pair = await openPair(t)
  const offer = await offerOf(pair)
  const identifier = paymentIdentifier(Buffer.alloc(16, 7))
  const field = await sign(offer, { identifier })
  t.strictSame(await verdicts(pair, field), ['200', '200'])
  t.strictSame(await verdicts(pair, field), ['200', '200'], 'given again, not sold again')
  const other = await sign(offer, { identifier })
  t.strictSame(await verdicts(pair, other), ['409', '409'])
  t.equal(pair.ledger.transfers.length, 1)
  t.equal((await pair.shop.moved()).payments, 1)

  const again = await request(Number(new URL(pair.seller.url).port), '/pages/1', { fields: [field] })
  t.match(readReceipt(again), { success: true, payer: payer.address, network: 'eip155:84532' })
  t.equal(readReceipt(again)?.transaction, pair.ledger.transfers[0]?.transaction)
})

t.test('both sellers ask for the same, but for the page', async t => {
  const { shop, seller } = await openPair(t)
  const official = readOffer(await shop.ask())
  const ours = readOffer(await request(Number(new URL(seller.url).port), '/pages/1'))
  t.strictSame({ ...ours.accepts[0] }, { ...official.accepts[0] })
  t.strictSame(
    ours.extensions?.['payment-identifier'] && Object.keys(ours.extensions['payment-identifier'] as object),
    official.extensions?.['payment-identifier'] && Object.keys(official.extensions['payment-identifier'] as object),
  )
})

t.test("the demo's node tells of a payment what the chain tells of the same one", async t => {
  const pair = await openPair(t)
  const { shop, ledger } = pair
  const rpc = await serveTokenRpc(ledger)
  t.teardown(rpc.close)
  const settings = { timeout: millis(5_000), ca: undefined }
  const [chain, demo] = [shop.chain.rpcUrl, rpc.url].map(url => jsonRpc({ url, ...settings }, systemClock))
  const both = async (method: string, ...params: unknown[]) => [
    await chain!(method, params),
    await demo!(method, params),
  ]
  const field = await sign(await offerOf(pair))
  const { nonce } = authorizationIn(field)
  const to = shop.chain.token.address
  const asked = { to, data: `0xe94a0102${word(payer.address)}${nonce.slice(2)}` }
  const [before, beforeHere] = await both('eth_call', asked, 'latest')
  t.equal(beforeHere, before)
  t.equal(BigInt(beforeHere as string), 0n, 'not used yet')

  t.strictSame(await verdicts(pair, field), ['200', '200'])
  const [after, afterHere] = await both('eth_call', asked, 'latest')
  t.equal(afterHere, after)
  t.equal(BigInt(afterHere as string), 1n)
  const [balance, balanceHere] = await both('eth_call', { to, data: `0x70a08231${word(payer.address)}` }, 'latest')
  t.equal(balanceHere, balance)
  const used = '0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5'
  const filter = { address: to, fromBlock: '0x0', toBlock: 'latest', topics: [used, `0x${word(payer.address)}`, nonce] }
  const logs = await both('eth_getLogs', filter)
  t.strictSame(heads(logs[1]), heads(logs[0]), 'one authorization')
  const receipts = await Promise.all(
    [chain, demo].map(async (ask, at) => {
      const [{ transactionHash }] = logs[at] as [{ transactionHash: string }]
      return (await ask!('eth_getTransactionReceipt', [transactionHash])) as { status: string; logs: unknown }
    }),
  )
  t.equal(receipts[1]?.status, receipts[0]?.status)
  t.strictSame(heads(receipts[1]?.logs), heads(receipts[0]?.logs), 'and the transfer that came with it')
})

const word = (address: string): string => address.slice(2).toLowerCase().padStart(64, '0')

const authorizationIn = (field: string): { readonly nonce: string } =>
  JSON.parse(Buffer.from(field.split(': ')[1] ?? '', 'base64').toString()).payload.authorization

/** What a log says, without the place that it happens to have. */
const heads = (logs: unknown): object[] =>
  (logs as { address: string; topics: string[]; data: string }[]).map(({ address, topics, data }) => ({
    address: address.toLowerCase(),
    topics,
    data,
  }))
