import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startLive } from '../support/live-daemon.js'
import { startMortal } from '../support/mortal-daemon.js'
import { seeded } from '../support/random.js'
import { startFaultGateway } from '../support/x402/fault-gateway.js'
import { countBy, settleAccounts } from '../support/x402/faulty-purchases.js'
import { readOffer } from '../support/x402/official-buyer.js'
import { openBook, payingHome, payingYaml } from '../support/x402/paid-scene.js'
import { isPaid } from '../support/x402/scripted-seller.js'
import { openShop, PRICE, payer } from '../support/x402/shop.js'

/** The long form: KILLS=100. */
const KILLS = Number(process.env['KILLS'] ?? 5)
/** Who buy one thing after the other, and ask again until they have it or are told that it was lost. */
const CLIENTS = 12
/** Milliseconds that a daemon lives once it is ready, at most; and between two tries of a client. */
const LIFE = 700
const PAUSE = 50
const EXTRA = 3

test(`P10: kill -9 at ${KILLS} random points: no purchase is signed twice, and the limits stay exact`, async t => {
  t.setTimeout(120_000 + KILLS * 5_000)
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const shop = await openShop(t, { purse: 1_000_000_000n })
  const line = await startFaultGateway(shop.server.port, { rate: 0, seed: 1 })
  t.teardown(() => line.close())
  const home = payingHome(t, line.port, { route: ['breaker: off'] })
  const daemon = await startMortal(t, home)
  let isOver = false
  let wanted = 0

  const ends: string[] = []
  const buy = async () => {
    const url = `${line.url}/paid?n=${wanted++}`
    for (;;) {
      const port = daemon.live()?.port
      const got = port === undefined ? undefined : await request(port, url)
      if (got?.status === 200 && !got.broken) return void ends.push('delivered')
      if (got?.status === 402 && !got.broken && /nonce_already_used/.test(readOffer(got).error ?? ''))
        return void ends.push('lost')
      await sleep(PAUSE)
    }
  }
  const clients = crowd(CLIENTS, CLIENTS, async () => {
    while (!isOver) await buy()
  })
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(random() * LIFE)
    await daemon.die()
  }
  isOver = true
  await clients

  const signatures = new Set(
    line.seen.filter(isPaid).map(({ path, header }) => `${path} ${header('payment-signature')}`),
  )
  const paths = new Set(line.seen.filter(isPaid).map(({ path }) => path))
  const { paid, payments } = await shop.moved()
  t.comment(`${wanted} purchases, ${line.seen.length} requests: ${JSON.stringify(countBy(ends, end => end))}`)
  t.equal(paths.size, wanted, 'everything wanted was paid for')
  t.equal(signatures.size, wanted, 'by one signature each')
  t.equal(payments, wanted, 'and one payment on the chain')
  daemon.live()?.kill('SIGKILL')
  await daemon.live()?.gone

  // What was signed is all that counts: whatever was reserved by the dead is free again.
  const most = `"${Number(PRICE * BigInt(wanted + EXTRA)) / 1e6} USDC"`
  const limits = `{ per_request: "0.05 USDC", total: ${most} }`
  const yaml = payingYaml(line.port, 'plain', { store: 'embedded', limits }, `state: ${home.state}\n`)
  writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', yaml)
  const heir = await startLive(t, home, 'off')
  const more = await crowd(2 * EXTRA, EXTRA, n => request(heir.port, `${line.url}/paid?more=${n}`))
  t.same(
    countBy(more, ({ status }) => String(status)),
    { 200: EXTRA, 402: EXTRA },
    'the limit is reached to the unit',
  )
  await heir.stop()

  const book = await openBook(t, home.state)
  const entries = await book.entries()
  t.equal(entries.length, wanted + EXTRA, 'the ledger has every purchase once')
  t.equal(new Set(entries.map(({ purchaseKey }) => purchaseKey)).size, entries.length)
  const { settled, most: atMost } = await settleAccounts(shop, book)
  t.equal(settled, paid + BigInt(EXTRA) * PRICE, 'and says what the chain says')
  t.equal(atMost, settled)
  const nonces = new Set(shop.chain.authorizationsUsed(payer.address).map(({ nonce }) => nonce))
  t.same(new Set(entries.map(({ nonce }) => nonce)), nonces)
})
