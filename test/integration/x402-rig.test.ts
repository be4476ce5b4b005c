import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import t from 'tap'
import { createPublicClient, createWalletClient, defineChain, http, zeroAddress } from 'viem'
import { makeCertificate } from '../support/certificate.js'
import { type Answer, readAnswer, requestBytes } from '../support/client.js'
import { contractFile, readArtifact, startChain, TOKEN_ABI, testAccount, USDC } from '../support/x402/chain.js'
import { FAULTS, startFaultGateway } from '../support/x402/fault-gateway.js'
import { openBuyer, readOffer, readReceipt } from '../support/x402/official-buyer.js'
import { recoverSigner, refusalOf, signatureVectors } from '../support/x402/oracle.js'
import type { PaidServerOptions } from '../support/x402/paid-server.js'
import { openShop, PRICE, payer } from '../support/x402/shop.js'

/** The payment tests are worth what their chain, facilitator and seller are worth: these tests are about those. */

const ONCE = { paid: PRICE, earned: PRICE, payments: 1 }
const NEVER = { paid: 0n, earned: 0n, payments: 0 }

for (const version of [2, 1] as const) {
  t.test(`v${version}: a payment by the official client is verified, settled, and refused the second time`, async t => {
    const shop = await openShop(t, { version })
    const refusal = await shop.ask()
    t.equal(refusal.status, 402)
    t.equal(readOffer(refusal).x402Version, version)
    t.strictSame(await shop.moved(), NEVER, 'asking costs nothing')

    const { field } = await shop.buyer.sign(refusal)
    const paid = await shop.ask(field)
    t.equal(paid.status, 200)
    t.match(JSON.parse(paid.text), { target: '/paid', run: 1 })
    t.strictSame(await shop.moved(), ONCE)
    const [payment] = shop.chain.authorizationsUsed(payer.address)
    t.match(readReceipt(paid), { success: true, payer: payer.address, transaction: payment?.transaction ?? '' })
    t.equal(payment?.value, PRICE)
    t.equal(payment?.to, shop.server.payTo.toLowerCase())
    t.equal(await shop.chain.isUsed(payer.address, payment?.nonce ?? '0x'), true)

    const again = await shop.ask(field)
    t.equal(again.status, 402)
    t.equal(readOffer(again).error, 'invalid_exact_evm_nonce_already_used')
    t.strictSame(await shop.moved(), ONCE)
    t.equal(shop.server.runs.length, 1, 'the page ran for the payment only')
  })

  t.test(`v${version}: a forged, short, misdirected or uncovered payment is refused with its own code`, async t => {
    const shop = await openShop(t, { version })
    const refusal = await shop.ask()
    const poor = openBuyer(testAccount('poor'), shop.chain)
    const good = await shop.buyer.sign(refusal)
    const cases: [string, string, string][] = [
      ['somebody else signed', (await shop.buyer.sign(refusal, forge)).field, 'invalid_exact_evm_signature'],
      [
        'signed for less',
        (await shop.buyer.sign(refusal, spoil('value', '9999'))).field,
        'invalid_exact_evm_signature',
      ],
      ['another recipient', (await shop.buyer.sign(refusal, spoil('to', zeroAddress))).field, 'signature'],
      ['nothing in the purse', (await poor.sign(refusal)).field, 'invalid_exact_evm_insufficient_balance'],
    ]
    for (const [name, field, code] of cases) {
      const answer = await shop.ask(field)
      t.equal(answer.status, 402, name)
      t.match(readOffer(answer).error, code, name)
    }
    t.strictSame(await shop.moved(), NEVER)
    t.equal(shop.server.runs.length, 0)
    t.equal((await shop.ask(good.field)).status, 200, 'the unspoilt one is good')
  })
}

const forge = (payload: { payload: { signature: string } }) => {
  const { signature } = payload.payload
  payload.payload.signature = `${signature.slice(0, 20)}${signature[20] === '0' ? '1' : '0'}${signature.slice(21)}`
}
const spoil = (name: string, value: string) => (payload: { payload: { authorization: Record<string, string> } }) => {
  payload.payload.authorization[name] = value
}

t.test('a payment signed honestly for another price is refused for its value', async t => {
  const shop = await openShop(t)
  const offer = readOffer(await shop.ask()).accepts[0] as unknown as Record<string, unknown>
  const cheap = await openShop(t, { prices: { '/paid': '9999' } })
  const { field } = await cheap.buyer.sign(await cheap.ask())
  const value = field.slice(field.indexOf(': ') + 2)
  t.equal(await refusalOf(shop.facilitator, value, offer), 'invalid_exact_evm_payload_authorization_value_mismatch')
  t.equal(await refusalOf(shop.facilitator, value, { ...offer, amount: '9999' }), undefined, 'the oracle can say yes')
  const answer = await shop.ask(field)
  t.equal(answer.status, 402)
  t.equal(readOffer(answer).error, 'No matching payment requirements')
})

t.test('payment-identifier: the same bytes get the stored answer and receipt, other bytes 409', async t => {
  const shop = await openShop(t, { paymentIdentifier: 'required' })
  const refusal = await shop.ask()
  const { field } = await shop.buyer.sign(refusal)
  const paid = await shop.ask(field)
  t.equal(paid.status, 200)
  const again = await shop.ask(field)
  t.equal(again.status, 200)
  t.equal(again.text, paid.text)
  t.strictSame(readReceipt(again), readReceipt(paid))
  t.strictSame(await shop.moved(), ONCE)
  t.equal(shop.server.runs.length, 1)

  const { info } = decode(field).extensions['payment-identifier']
  const other = await shop.buyer.sign(refusal, payload => {
    Object.assign((payload as unknown as Identified).extensions['payment-identifier'].info, info)
  })
  t.equal((await shop.ask(other.field)).status, 409)
  const nameless = await shop.buyer.sign(refusal, payload => void Reflect.deleteProperty(payload, 'extensions'))
  t.equal((await shop.ask(nameless.field)).status, 400)
  t.strictSame(await shop.moved(), ONCE)
})

type Identified = { extensions: { 'payment-identifier': { info: { required: boolean; id?: string } } } }
const decode = (field: string): Identified =>
  JSON.parse(Buffer.from(field.slice(field.indexOf(': ') + 2), 'base64').toString()) as Identified

t.test('payment-identifier: a page that failed is not stored, the same bytes buy it later', async t => {
  const page: PaidServerOptions['page'] = (_request, response, { number }) =>
    number === 1 ? response.status(503).send('later') : response.send('here')
  const shop = await openShop(t, { paymentIdentifier: 'optional', page })
  const { field } = await shop.buyer.sign(await shop.ask())
  t.equal((await shop.ask(field)).status, 503)
  t.strictSame(await shop.moved(), NEVER)
  t.equal((await shop.ask(field)).text, 'here')
  t.strictSame(await shop.moved(), ONCE)
})

t.test('payment-identifier: the same bytes while the page still runs get 503 and Retry-After', async t => {
  const stage = new EventEmitter()
  const running = once(stage, 'running')
  const page: PaidServerOptions['page'] = async (_request, response) => {
    const finish = once(stage, 'finish')
    stage.emit('running')
    await finish
    response.send('here')
  }
  const shop = await openShop(t, { paymentIdentifier: 'optional', page })
  const { field } = await shop.buyer.sign(await shop.ask())
  const first = shop.ask(field)
  await running
  const second = await shop.ask(field)
  t.equal(second.status, 503)
  t.equal(second.header('retry-after'), '1')
  stage.emit('finish')
  t.equal((await first).text, 'here')
  t.equal((await shop.ask(field)).text, 'here')
  t.strictSame(await shop.moved(), ONCE)
  t.equal(shop.server.runs.length, 1)
})

t.test('the chain refuses a payment after its time, by the clock of the chain', async t => {
  const shop = await openShop(t)
  const { field } = await shop.buyer.sign(await shop.ask())
  shop.chain.advance(61)
  const answer = await shop.ask(field)
  t.equal(answer.status, 402)
  t.equal(readOffer(answer).error, 'invalid_exact_evm_transaction_simulation_failed')
  t.strictSame(await shop.moved(), NEVER)
})

t.test('parallel presentations of one payment move the money once', async t => {
  const shop = await openShop(t)
  const { field } = await shop.buyer.sign(await shop.ask())
  const answers = await Promise.all(Array.from({ length: 5 }, () => shop.ask(field)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.strictSame(await shop.moved(), ONCE)
})

t.test('a flaky facilitator fails, confirms late or does not answer, and the chain says what was paid', async t => {
  const shop = await openShop(t, { flaky: { rate: 0.6, seed: 6 } })
  const answers: Answer[] = []
  for (let bought = 0; bought < 30; bought++) answers.push(await shop.buyer.buy(shop.server.port, '/paid'))
  const count = (status: number, sent?: boolean): number =>
    answers.filter(
      answer => answer.status === status && (sent === undefined || sent === (readReceipt(answer)?.transaction !== '')),
    ).length
  const { ailed } = shop.facilitator
  for (const times of Object.values(ailed)) t.ok(times > 1, `ailed: ${JSON.stringify(ailed)}`)
  const { payments, paid, earned } = await shop.moved()
  t.equal(count(402, false), ailed['nonce-too-low'], 'the receipt names no transaction: nothing was sent')
  t.equal(count(402, true), 1, 'unconfirmed when the middleware asked again, too: paid, and not delivered')
  t.equal(count(502), ailed.unanswered, 'paid, and not delivered')
  t.equal(count(200) + count(402, true) + count(502), payments)
  t.equal(paid, earned)
})

t.test('each fault of the gateway does what it is called, to the client and to the seller', async t => {
  const shop = await openShop(t)
  const cases: Record<(typeof FAULTS)[number], { status: number; broken: boolean; charged: number }> = {
    'reset-before': { status: 0, broken: true, charged: 0 },
    'reset-after': { status: 0, broken: true, charged: 1 },
    '503-before': { status: 503, broken: false, charged: 0 },
    '503-after': { status: 503, broken: false, charged: 1 },
    '502-after': { status: 502, broken: false, charged: 1 },
    'truncated-body': { status: 200, broken: true, charged: 1 },
  }
  for (const fault of FAULTS) {
    const paidOnly = {
      faults: [fault],
      only: ({ header }: { header: (name: string) => string | undefined }) => header('payment-signature') !== undefined,
    }
    const gateway = await startFaultGateway(shop.server.port, { rate: 1, seed: 1, ...paidOnly })
    const before = (await shop.moved()).payments
    const { status, broken } = await shop.buyer.buy(gateway.port, '/paid')
    const charged = (await shop.moved()).payments - before
    t.strictSame({ status, broken, charged }, cases[fault], fault)
    t.equal(gateway.dealt[fault], 1)
    gateway.behave(true)
    t.equal((await shop.buyer.buy(gateway.port, '/paid', { method: 'POST', body: 'x'.repeat(70_000) })).status, 200)
    await gateway.close()
  }
})

t.test('the rig sees a double payment: a client that signs anew for each 402 pays more than it buys', async t => {
  const shop = await openShop(t)
  const gateway = await startFaultGateway(shop.server.port, { rate: 0.4, seed: 20 })
  let delivered = 0
  for (let purchase = 0; purchase < 30; purchase++) {
    for (let attempt = 0; attempt < 8; attempt++) {
      const { status, broken } = await shop.buyer.buy(gateway.port, `/paid?purchase=${purchase}`)
      if (status !== 200 || broken) continue
      delivered++
      break
    }
  }
  await gateway.close()
  const { payments } = await shop.moved()
  t.ok(payments > delivered, `${payments} payments for ${delivered} deliveries`)
  t.equal(shop.server.runs.length, payments, 'and the page ran for each')
  t.ok(new Set(shop.server.runs).size <= 30)
})

t.test('a seller over TLS, itself or by its gateway, sells like any other', async t => {
  const tls = makeCertificate()
  const shop = await openShop(t, { tls })
  const open = await openShop(t)
  const gateway = await startFaultGateway(open.server.port, { rate: 0, seed: 1, tls })
  t.teardown(gateway.close)
  const sold = [
    [shop, shop.server.port],
    [open, gateway.port],
  ] as const
  for (const [seller, port] of sold) {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    const refused = readAnswer(socket)
    socket.write(requestBytes('/paid'))
    const { field } = await seller.buyer.sign(await refused)
    const paid = readAnswer(socket)
    socket.write(requestBytes('/paid', { fields: [field] }))
    t.equal((await paid).status, 200)
    t.strictSame(await seller.moved(), ONCE)
    socket.destroy()
  }
})

t.test('a program sees a node: calls, logs, receipts, raw transactions and their nonces', async t => {
  const chain = await startChain({ chainId: 31_337 })
  t.teardown(chain.close)
  const transport = http(chain.rpcUrl, { batch: true, retryCount: 0 })
  const network = defineChain({
    id: 31_337,
    name: 'local',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [chain.rpcUrl] } },
  })
  const node = createPublicClient({ chain: network, transport, pollingInterval: 1 })
  const wallet = createWalletClient({ account: payer, chain: network, transport })
  const token = { address: USDC.address, abi: TOKEN_ABI } as const
  await chain.mint(payer.address, 100n)
  const hash = await wallet.writeContract({
    ...token,
    functionName: 'transfer',
    args: [testAccount('seller').address, 40n],
  })
  const receipt = await node.waitForTransactionReceipt({ hash })
  t.equal(receipt.status, 'success')
  t.equal(receipt.blockNumber, await node.getBlockNumber())
  const [balance, name, transfers, code] = await Promise.all([
    node.readContract({ ...token, functionName: 'balanceOf', args: [payer.address] }),
    node.readContract({ ...token, functionName: 'name' }),
    node.getContractEvents({ ...token, eventName: 'Transfer', args: { from: payer.address }, fromBlock: 0n }),
    node.getCode({ address: USDC.address }),
  ])
  t.strictSame([balance, name, transfers.length, transfers[0]?.args.value], [60n, 'USDC', 1, 40n])
  t.ok((code?.length ?? 0) > 1_000)
  await t.rejects(
    wallet.writeContract({ ...token, functionName: 'mint', args: [payer.address, 1n], nonce: 0 }),
    /nonce/i,
  )
  const poor = { ...token, functionName: 'transfer', args: [payer.address, 1_000n], account: payer.address } as const
  await t.rejects(node.simulateContract(poor), /transfer amount exceeds balance/)
  t.ok(chain.asked.includes('eth_getLogs') && chain.asked.includes('eth_sendRawTransaction'))
})

t.test('the compiled contracts are those of the source beside them', t => {
  const digest = createHash('sha256')
    .update(readFileSync(contractFile('token.sol')))
    .digest('hex')
  t.equal(readArtifact().sourceSha256, digest)
  t.end()
})

t.test('signature vectors are signed by whom they say, and are the same in every run', async t => {
  const vectors = await signatureVectors(20, 3009)
  for (const { domain, authorization, signature } of vectors)
    t.equal(await recoverSigner(domain, authorization, signature), authorization.from)
  t.strictSame(await signatureVectors(20, 3009), vectors)
  t.not((await signatureVectors(1, 1))[0]?.signature, vectors[0]?.signature)
})
