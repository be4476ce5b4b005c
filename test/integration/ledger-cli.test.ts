import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Ledger } from '../../src/ledger/ledger.js'
import type { Outcome } from '../../src/ledger/purchase.js'
import { embeddedStore } from '../../src/store/embedded-store.js'
import { systemClock } from '../../src/time/clock.js'
import { commandLine } from '../support/command-line.js'
import { ask, signedFor, taken } from '../support/ledger-rig.js'
import { shortDir } from '../support/short-dir.js'
import { scanned } from '../support/store-work.js'
import { startChain } from '../support/x402/chain.js'

const config = (rpc = 'http://127.0.0.1:1') => `version: 1
state: state
wallets:
  agent:
    evm: { watch: true }
    networks: [base-sepolia]
    assets: [USDC]
    limits: { per_request: 1 USDC }
    rpc_url: ${rpc}
  other:
    evm: { watch: true }
    networks: [base-sepolia]
    assets: [USDC]
    limits: { per_request: 1 USDC }
`

/** Payments as a daemon leaves them, one of each outcome; the first are ten times as much as the later ones. */
async function filled(t: Test, text = config()): Promise<string> {
  const dir = shortDir(t)
  writeFileSync(join(dir, 'mulligan.yaml'), text)
  const store = await embeddedStore({ state: join(dir, 'state'), name: 'ledger', clock: systemClock })
  const ledger = new Ledger(store, systemClock, 'test')
  const buy = async (key: string, to: Outcome, more = {}) => {
    const purchase = taken(await ledger.reserve(ask(key, { amount: 10_000n, ...more })))
    await ledger.signed(purchase, signedFor(purchase, Date.now()))
    await ledger.settle(purchase, to, { attempts: 2, status: 200, transaction: `0x${key.padStart(64, '0')}` })
  }
  await buy('1', 'settled')
  await buy('2', 'settled', { route: 'second', wallet: 'other', amount: 1_500_000n })
  await buy('3', 'settled_undelivered')
  await buy('4', 'unknown')
  await buy('5', 'settled', { resource: 'https://seller.test/=HYPERLINK("x"),\u001b[31m' })
  await ledger.close()
  await store.close()
  return dir
}

t.test('P10: ledger lists every payment, sums them up, and says loudly what was paid for nothing', async t => {
  const dir = await filled(t)
  const { code, out, err } = await commandLine(dir, 'ledger')
  t.same({ code, err }, { code: 0, err: '' })
  t.match(out, /^time +state +amount +route +wallet +resource +network +pay to +tries +transaction$/m)
  t.match(
    out,
    /settled +0\.01 USDC +paid +agent +https:\/\/seller\.test\/1 +eip155:84532 +0x111111…1111 +2 +0x000000…0001$/m,
  )
  t.match(out, /^paid +agent +eip155:84532 +4 +0\.04 USDC +0\.03 USDC +0\.01 USDC +0\.01 USDC$/m)
  t.match(out, /^second +other +eip155:84532 +1 +1\.5 USDC +1\.5 USDC +- +-$/m)
  t.match(out, /PAID, NOT DELIVERED: 1\. Ask the seller, .*\n.*0\.01 USDC +https:\/\/seller\.test\/3 +0x0{63}3$/m)
  t.match(out, '1 not confirmed: mulligan ledger reconcile asks the chain.')
  t.notMatch(out, /\u001b|bytes-of/)
})

t.test('ledger shows what its flags ask for, for programs exactly, and no spreadsheet is told a formula', async t => {
  const dir = await filled(t)
  const json = async (flags: string) => JSON.parse((await commandLine(dir, `ledger --json ${flags}`)).out)
  const { payments, totals } = await json('')
  t.match(payments, [{ state: 'settled', amount: '10000', decimals: 6, attempts: 2, status: 200 }, { wallet: 'other' }])
  t.match(totals, [
    { route: 'paid', payments: 4, signed: '40000', settled: '30000', open: '10000' },
    { route: 'second' },
  ])
  t.equal((await json('--wallet other')).payments.length, 1)
  t.equal((await json('--route paid')).payments.length, 4)
  t.equal((await json('--since 24h')).payments.length, 5)
  t.equal((await json('--since 2020-01-01')).payments.length, 5)
  t.equal((await json('--since 2999-01-01')).payments.length, 0)
  const { out } = await commandLine(dir, 'ledger --csv')
  const lines = out.trimEnd().split('\r\n')
  t.match(lines[0], /^id,time,state,route,wallet,client,resource,network,asset,symbol,decimals,amount,pay_to,/)
  t.equal(lines.length, 6)
  t.match(lines[5], '"https://seller.test/=HYPERLINK(""x""),\u001b[31m"')
  t.notMatch(out + JSON.stringify(payments), /bytes-of/)
})

t.test('P10: ledger reconcile asks the chain of the wallets that have one, and says what it found', async t => {
  const chain = await startChain()
  t.teardown(() => chain.close())
  const dir = await filled(t, config(chain.rpcUrl))
  const first = await commandLine(dir, 'ledger reconcile')
  t.match(first, { code: 0, err: '', out: /^agent on eip155:84532\n +4 +open: they may yet be taken/ })
  chain.advance(61)
  const second = JSON.parse((await commandLine(dir, 'ledger reconcile --json')).out)
  t.match(second, [{ wallet: 'agent', network: 'eip155:84532', results: [{ found: 'dead', state: 'expired' }] }])
  t.match((await commandLine(dir, 'ledger reconcile')).out, 'agent on eip155:84532: nothing to ask')
  t.match(
    (await commandLine(dir, 'ledger --wallet agent')).out,
    /^paid +agent +eip155:84532 +4 +0 USDC +0 USDC +- +-$/m,
  )
})

t.test('P11: only what can yet be presented is kept signed, and no file of it is for others', async t => {
  const dir = await filled(t)
  const state = join(dir, 'state')
  for (const name of readdirSync(join(state, 'store')))
    t.equal(statSync(join(state, 'store', name)).mode & 0o77, 0, name)
  const { payments } = JSON.parse((await commandLine(dir, 'ledger --json')).out)
  const open = payments.filter(({ state }: { state: string }) => state === 'unknown')
  const store = await embeddedStore({ state, name: 'ledger', clock: systemClock })
  t.teardown(() => store.close())
  const kept = (await scanned(store, '')).filter(([, value]) => value.includes('bytes-of-'))
  t.strictSame(kept, [[`field/${open[0].id}`, `["PAYMENT-SIGNATURE","bytes-of-${open[0].id}"]`]])
})

t.test('ledger says what is wrong with words, configuration, store or node, each with its exit code', async t => {
  const dir = t.testdir({
    'mulligan.yaml': config(),
    'memory.yaml': 'store: memory\n',
    'gone.yaml': 'store: redis://127.0.0.1:1\n',
    'broken.yaml': 'state: broken\n',
    broken: { store: { 'ledger.mdb': 'nothing that LMDB wrote' } },
  })
  t.same(await commandLine(dir, 'ledger'), { code: 0, out: 'No payments.\n', err: '' })
  t.same(await commandLine(dir, 'ledger reconcile'), { code: 0, out: 'No payments.\n', err: '' })
  t.notOk(existsSync(join(dir, 'state')), 'looking makes nothing')
  const paid = await filled(t)
  const rows: [dir: string, line: string, code: number, err: RegExp][] = [
    [dir, 'ledger reconcil', 2, /ledger has no "reconcil", did you mean "reconcile"/],
    [dir, 'ledger --json --csv', 2, /--json or --csv, not both/],
    [dir, 'ledger reconcile --csv', 2, /prints text or --json/],
    [dir, 'ledger --since yesterday', 2, /--since takes a time/],
    [dir, 'ledger reconcile --wallet agnt', 2, /no wallet "agnt", did you mean "agent"/],
    [dir, 'ledger reconcile --wallet other', 2, /give the wallet an rpc_url/],
    [dir, 'ledger -c memory.yaml', 3, /store: memory keeps the ledger in the daemon, and no daemon answers/],
    [dir, 'ledger -c gone.yaml', 3, /redis/i],
    [dir, 'ledger -c broken.yaml', 1, /the store .*ledger\.mdb is damaged/],
    [paid, 'ledger reconcile', 3, /JSON-RPC at 127\.0\.0\.1:1 cannot be reached: ECONNREFUSED/],
  ]
  for (const [where, line, code, err] of rows) {
    const said = await commandLine(where, line)
    t.equal(said.code, code, `${line}: ${said.err}`)
    t.match(said.err, err, line)
    t.equal(said.out, '', line)
  }
})
