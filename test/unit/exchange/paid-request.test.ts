import { type Test, test } from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { Deadlines } from '../../../src/exchange/deadlines.js'
import { type PaidRequest, type PaymentEvent, paidRequest } from '../../../src/exchange/paid-request.js'
import type { Plan } from '../../../src/exchange/plan.js'
import { RunningPurchases } from '../../../src/exchange/running-purchases.js'
import { Unattended } from '../../../src/exchange/unattended.js'
import { Ledger } from '../../../src/ledger/ledger.js'
import { keySigner } from '../../../src/signer/local-key.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import { millis } from '../../../src/time/units.js'
import { Watch } from '../../../src/time/watch.js'
import type { ResponseHead } from '../../../src/wire/events.js'
import { FickleStore } from '../../support/claims-rig.js'
import { ManualClock } from '../../support/clock.js'
import { answerV2, terms } from '../../support/x402/offers.js'
import { payingYaml } from '../../support/x402/paid-scene.js'
import { payer } from '../../support/x402/shop.js'

/** A 402 for a payment that lives for sixty seconds. */
const OFFER = answerV2(terms({ resource: { url: '/paid' } }))
const NOTHING = Buffer.alloc(0)

const head = (status: number, fields: readonly string[] = []): ResponseHead => ({
  version: '1.1',
  status,
  reason: '',
  fields,
  framing: { kind: 'length', length: 2 },
  keepAlive: true,
})

const RECEIPT = { success: true, transaction: `0x${'ab'.repeat(32)}`, network: 'eip155:84532' }
const PAID = head(200, ['PAYMENT-RESPONSE', Buffer.from(JSON.stringify(RECEIPT)).toString('base64')])

/** Equal requests of one client, at a clock that moves when told to; the ledger is the real one. */
async function rig(t: Test) {
  const clock = new ManualClock()
  const store = new FickleStore(memoryStore(clock))
  const ledger = new Ledger(store, clock, 'a')
  const signer = await keySigner({ env: 'WALLET_KEY' }, { env: { WALLET_KEY: payer.key }, shared: false })
  const { config } = parseConfig('test.yaml', payingYaml(8_080, 'plain'), {})
  const [route] = config.routes
  if (route === undefined) throw new Error('the file has a route')
  const limits = config.wallets['agent']?.limits
  if (limits === undefined) throw new Error('the file has a wallet')
  const words: string[] = []
  const payments = {
    ledger,
    signer: () => signer,
    limits: () => limits,
    request: paidRequest,
    running: new RunningPurchases(),
    report: ({ what }: PaymentEvent) => void words.push(what),
  }
  const unattended = new Unattended()
  const watch = new Watch(clock)
  t.teardown(() => ledger.close())
  const plan: Plan = {
    route,
    mode: 'forward',
    scheme: 'http',
    host: '127.0.0.1',
    port: 8_080,
    authority: '127.0.0.1:8080',
    shared: false,
    path: '/paid',
  }
  /** Has had its 402. @returns it, and when it has paid or been refused */
  const begin = () => {
    const deadlines = new Deadlines(watch, clock, route.timeout, () => undefined)
    const paid = paidRequest({
      id: 'x',
      services: { clock, unattended, payments },
      plan,
      request: {
        method: 'GET',
        fields: [],
        framing: { kind: 'none' },
        expect: false,
        upgrade: undefined,
        version: '1.1',
      },
      upstream: { origin: 'http://127.0.0.1:8080', isDirect: true },
      body: undefined,
      deadlines,
    })
    if (paid === undefined) throw new Error('the route pays')
    const remedy = paid.remedy(head(402, OFFER.fields), NOTHING, true)
    if (typeof remedy === 'string') throw new Error(remedy)
    return { paid, done: new Promise<PaidRequest>(resolve => remedy.start(() => resolve(paid))) }
  }
  return { clock, store, ledger, unattended, words, begin, buy: () => begin().done }
}

/** The whole answer goes by. */
function answered(paid: PaidRequest, body = 'ok'): void {
  paid.witness?.begin(PAID)
  paid.witness?.data(Buffer.from(body))
  paid.witness?.end()
  paid.close()
}

test('P4: while an old payment may still be taken no equal request is paid, however many come at once', async t => {
  const { clock, buy, words } = await rig(t)
  const [first, second] = await Promise.all([buy(), buy()])
  t.ok(first.field && second.field, 'two wanted pages')
  answered(first)
  second.witness?.refused('unknown')
  await clock.advanceAsync(0)
  await clock.advanceAsync(55_000)
  words.length = 0
  const late = await Promise.all([buy(), buy(), buy()])
  t.same(words, ['in_flight', 'in_flight', 'in_flight'])
  t.same(new Set(late.map(({ note }) => note)), new Set(['payment=refused; reason=in_flight']))
  await clock.advanceAsync(40_000)
  const again = await Promise.all([buy(), buy()])
  t.equal(new Set(again.map(({ field }) => field?.value)).size, 2, 'nobody can take it any more')
})

test('P8: the answer of a client that left is kept before its purchase is over', async t => {
  const { clock, store, ledger, buy, begin, unattended } = await rig(t)
  const paid = await buy()
  t.ok(paid.outliveClient())
  let open: (() => void) | undefined
  store.fails = keys => {
    // Whatever is written now is the last thing before the power fails.
    if (open === undefined && keys.some(key => key.startsWith('held/'))) {
      store.gate = new Promise(resolve => {
        open = resolve
      })
    }
    return 'no'
  }
  answered(paid)
  await clock.advanceAsync(0)
  const states: string[] = []
  for await (const { state } of ledger.list()) states.push(state)
  t.same(states, ['signed'])
  t.ok(open, 'the answer is on its way into the store')
  store.gate = undefined
  open?.()
  await clock.advanceAsync(0)
  t.ok(await unattended.none(clock, millis(1_000)), 'nothing is left that a shutdown waits for')
  const { paid: retried, done } = begin()
  await done
  t.equal(retried.kept?.body.toString(), 'ok')
})

test('P8: who leaves again before it is given the answer finds it the next time', async t => {
  const { clock, store, buy, begin } = await rig(t)
  const paid = await buy()
  paid.outliveClient()
  answered(paid)
  await clock.advanceAsync(0)
  let open: () => void = () => undefined
  store.gate = new Promise(resolve => {
    open = resolve
  })
  const gone = begin()
  await clock.advanceAsync(0)
  gone.paid.close()
  store.gate = undefined
  open()
  await clock.advanceAsync(0)
  t.equal(gone.paid.kept, undefined)
  const third = await buy()
  t.equal(third.kept?.body.toString(), 'ok')
  t.equal(third.field, undefined, 'nothing was paid')
})
