import t from 'tap'
import type { Entry } from '../../../src/ledger/entry.js'
import { Ledger } from '../../../src/ledger/ledger.js'
import type { Outcome } from '../../../src/ledger/purchase.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import { assetKey } from '../../../src/x402/policy.js'
import { FickleStore } from '../../support/claims-rig.js'
import { ManualClock } from '../../support/clock.js'
import { ask, DOLLAR, limits, signedFor, taken, word } from '../../support/ledger-rig.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

function rig() {
  const clock = new ManualClock()
  const store = new FickleStore(memoryStore(clock))
  const ledger = new Ledger(store, clock, 'a')
  const sign = async (purchase: Parameters<typeof signedFor>[0]) => {
    await ledger.signed(purchase, signedFor(purchase, clock.now()))
    return purchase
  }
  const buy = async (key: string, to: Outcome, more = {}) => {
    const purchase = await sign(taken(await ledger.reserve(ask(key, more))))
    await ledger.settle(purchase, to, { attempts: 1, status: 200 })
    return purchase
  }
  const entries = async () => {
    const all: Entry[] = []
    for await (const entry of ledger.list()) all.push(entry)
    return all
  }
  return { clock, store, ledger, sign, buy, entries }
}

t.test('P3: of 200 that ask at once, exactly as many are reserved as the limit has room for', async t => {
  for (const more of [
    { per_hour: { USDC: 500n } },
    { per_day: { USDC: 509n } },
    { total: { USDC: 500n } },
    { per_minute: 50 },
  ]) {
    const { ledger } = rig()
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, n) => ledger.reserve(ask(`k${n}`, { limits: limits(more) }))),
    )
    const words = all.map(word)
    t.equal(words.filter(one => one === 'reserved').length, 50, Object.keys(more).join())
    t.equal(words.filter(one => one === Object.keys(more)[0]).length, 150)
  }
})

t.test('P3: a window counts what was signed in it, and one that is over does not', async t => {
  const { clock, ledger, buy } = rig()
  const rules = {
    limits: limits({ per_minute: 3, per_hour: { USDC: 40n }, per_day: { USDC: 60n }, total: { USDC: 80n } }),
  }
  const results: string[] = []
  const next = async (key: string) => {
    const result = await ledger.reserve(ask(key, rules))
    results.push(word(result))
    if ('purchase' in result) await ledger.release(result.purchase)
  }
  for (const key of ['a', 'b', 'c']) await buy(key, 'settled', rules)
  await next('d')
  await clock.advanceAsync(60_000)
  await buy('d', 'settled', rules)
  await next('e')
  await clock.advanceAsync(HOUR)
  for (const key of ['e', 'f']) await buy(key, 'unknown', rules)
  await next('g')
  await clock.advanceAsync(DAY)
  for (const key of ['g', 'h']) await buy(key, 'refused_live', rules)
  await next('i')
  await clock.advanceAsync(400 * DAY)
  await next('i')
  t.strictSame(results, ['per_minute', 'per_hour', 'per_day', 'total', 'total'])
})

t.test('P3: what is reserved in one hour and signed in the next counts in the next', async t => {
  const { clock, ledger, sign } = rig()
  const rules = { limits: limits({ per_hour: { USDC: 20n } }) }
  await clock.advanceAsync(HOUR - 1_000)
  const early = [taken(await ledger.reserve(ask('a', rules))), taken(await ledger.reserve(ask('b', rules)))]
  await clock.advanceAsync(2_000)
  t.equal(word(await ledger.reserve(ask('c', rules))), 'per_hour', 'both may yet be signed in this hour')
  for (const purchase of early) await sign(purchase)
  t.equal(word(await ledger.reserve(ask('c', rules))), 'per_hour')
})

t.test('P3: two routes and two assets of one symbol share the limits of their wallet, two wallets do not', async t => {
  const { ledger, buy } = rig()
  const rules = { limits: limits({ total: { USDC: 20n } }) }
  await buy('a', 'settled', { ...rules, route: 'one' })
  await buy('b', 'settled', { ...rules, route: 'two', asset: { ...DOLLAR, chain: 'eip155:8453' } })
  t.equal(word(await ledger.reserve(ask('c', rules))), 'total')
  t.equal(word(await ledger.reserve(ask('d', { ...rules, asset: { ...DOLLAR, symbol: 'EURC' } }))), 'reserved')
  t.equal(word(await ledger.reserve(ask('e', { ...rules, wallet: 'other' }))), 'reserved')
})

t.test('what is released before it is signed leaves no trace, and its room is free', async t => {
  const { ledger, entries } = rig()
  const rules = { limits: limits({ total: { USDC: 10n }, per_minute: 1 }) }
  for (let n = 0; n < 3; n++) await ledger.release(taken(await ledger.reserve(ask('a', rules))))
  t.strictSame(await entries(), [])
  t.equal(word(await ledger.reserve(ask('b', rules))), 'reserved')
})

t.test('P2: the first recipient of an origin is kept, and another one refused', async t => {
  const { ledger } = rig()
  const pin = 'https://seller.test'
  const other = `0x${'33'.repeat(20)}`
  t.equal(word(await ledger.reserve(ask('a', { pin }))), 'reserved')
  t.equal(word(await ledger.reserve(ask('b', { pin }))), 'reserved')
  t.match(await ledger.reserve(ask('c', { pin, payTo: other })), { refused: 'pin', detail: `${other} instead of 0x11` })
  t.equal(word(await ledger.reserve(ask('d', { payTo: other }))), 'reserved', 'where no pin is asked for')
  const { pinned } = await ledger.known(pin, 'https://seller.test/a', [DOLLAR])
  t.strictSame([...pinned], [[assetKey(DOLLAR), ask('a').payTo]])
})

t.test('what was last paid for a resource is known, once it was delivered', async t => {
  const { ledger, buy } = rig()
  const lastPaid = async () => [...(await ledger.known('o', ask('a').resource, [DOLLAR])).lastPaid.values()]
  await buy('a', 'refused_live', { amount: 4n })
  t.strictSame(await lastPaid(), [])
  await buy('b', 'settled', { amount: 7n, resource: ask('a').resource })
  t.strictSame(await lastPaid(), [7n])
})

t.test('P5: an open purchase is presented again with the same bytes, by one at a time', async t => {
  const { clock, store, ledger, buy, entries } = rig()
  const first = await buy('k', 'unknown')
  t.equal(word(await ledger.reserve(ask('k'))), 'in_flight', 'no second signature while the first may live')
  const other = new Ledger(store, clock, 'b')
  const both = await Promise.all([ledger.claimUnknown('k'), other.claimUnknown('k'), ledger.claimUnknown('k')])
  const [claimed, ...more] = both.filter(one => one !== undefined)
  t.strictSame(more, [])
  t.match(claimed, { id: first.id, payment: { field: { name: 'PAYMENT-SIGNATURE', value: `bytes-of-${first.id}` } } })
  t.equal(await ledger.claimUnknown('other'), undefined)
  if (claimed !== undefined) await ledger.settle(claimed, 'settled', { attempts: 2, status: 200, transaction: '0xabc' })
  t.match(await entries(), [{ state: 'settled', attempts: 3, transaction: '0xabc', amount: 10n }])
  t.equal(await ledger.claimUnknown('k'), undefined, 'a delivered one never matches')
  t.equal(word(await ledger.reserve(ask('k'))), 'reserved', 'it is another purchase')
})

t.test(
  'P5: two that want the same at once pay one after the other, and the second may do so when the first is over',
  async t => {
    const { clock, store, ledger, sign } = rig()
    const other = new Ledger(store, clock, 'b')
    const first = await sign(taken(await ledger.reserve(ask('k'))))
    t.match(await other.reserve(ask('k')), { refused: 'in_flight', detail: /is running$/ })
    const waits = [other.whenFree('k', 60_000), ledger.whenFree('k', 60_000), ledger.whenFree('k', 1_000)]
    await clock.advanceAsync(2_000)
    await ledger.settle(first, 'settled', { attempts: 1 })
    await clock.advanceAsync(500)
    t.strictSame(await Promise.all(waits), [true, true, false])
    t.equal(word(await other.reserve(ask('k'))), 'reserved')
    t.equal(await ledger.whenFree('k', 60_000, AbortSignal.abort()), false)
    t.equal(await ledger.whenFree('never-asked', 0), true)
  },
)

t.test('P7: a word that settles nothing keeps the doubt, and a final one ends it once', async t => {
  const { ledger, buy, entries } = rig()
  await buy('k', 'unknown')
  const again = await ledger.claimUnknown('k')
  if (again !== undefined) await ledger.settle(again, 'refused_live', { attempts: 1, status: 402 })
  t.match(await entries(), [{ state: 'unknown', status: 402 }])
  const last = await ledger.claimUnknown('k')
  if (last !== undefined) {
    await ledger.settle(last, 'settled_undelivered', { attempts: 1, status: 402 })
    await ledger.settle(last, 'settled', { attempts: 9 })
  }
  t.match(await entries(), [{ state: 'settled_undelivered', attempts: 3 }])
})

t.test('P4: bytes are kept until six seconds before they end, and never beyond a final word', async t => {
  const { clock, store, ledger, buy } = rig()
  const stored = async () => {
    const found: string[] = []
    for await (const [, value] of store.scan('')) if (value.includes('bytes-of-')) found.push('bytes')
    return found.length
  }
  await buy('a', 'unknown')
  await buy('b', 'settled')
  t.equal(await stored(), 1)
  await clock.advanceAsync(53_000)
  const claimed = await ledger.claimUnknown('a')
  t.ok(claimed)
  if (claimed !== undefined) await ledger.release(claimed)
  await clock.advanceAsync(1_000)
  t.equal(await stored(), 0)
  t.equal(await ledger.claimUnknown('a'), undefined)
  t.equal(word(await ledger.reserve(ask('a'))), 'in_flight', 'it may be cashed yet')
  await clock.advanceAsync(40_000)
  t.equal(word(await ledger.reserve(ask('a'))), 'reserved', 'it is dead, or was cashed long ago')
})

t.test('P5: a clock that is set back while somebody waits makes no living signature look old', async t => {
  const { clock, store, buy } = rig()
  const slow = new FickleStore(store)
  let open = () => {}
  slow.gate = new Promise(resolve => {
    open = resolve
  })
  const asked = new Ledger(slow, clock, 'b').reserve(ask('k'))
  clock.jump(-HOUR)
  await buy('k', 'unknown')
  open()
  t.equal(word(await asked), 'in_flight')
})

t.test('P5: an idempotency key buys once: afterwards only the chain can free it', async t => {
  const { clock, ledger, buy } = rig()
  await buy('k', 'unknown', { keyed: true })
  await clock.advanceAsync(200_000)
  t.match(await ledger.reserve(ask('k', { keyed: true })), { refused: 'unresolved', detail: /ledger reconcile/ })
  await clock.advanceAsync(DAY)
  t.equal(word(await ledger.reserve(ask('k', { keyed: true }))), 'reserved')
})

t.test(
  'P10: who died is recovered: unsigned room is free, signed bytes are unknown and claimed by the next',
  async t => {
    const { clock, store, ledger, sign, entries } = rig()
    const rules = { limits: limits({ total: { USDC: 20n } }) }
    taken(await ledger.reserve(ask('a', rules)))
    const signed = await sign(taken(await ledger.reserve(ask('b', rules))))
    await ledger.close()
    const next = new Ledger(store, clock, 'b')
    t.equal(await next.claimUnknown('b'), undefined, 'its owner may live')
    t.equal(word(await next.reserve(ask('c', rules))), 'total')
    await clock.advanceAsync(3_001)
    t.match(await entries(), [{ state: 'unknown' }], 'it is told before it is recovered')
    t.equal(word(await next.reserve(ask('c', rules))), 'reserved', 'the room of the unsigned one')
    t.equal(word(await next.reserve(ask('d', rules))), 'total')
    t.match(await next.claimUnknown('b'), { id: signed.id, payment: { nonce: signedFor(signed, 0).nonce } })
  },
)

t.test('who was taken for dead may not sign any more', async t => {
  const { clock, store, ledger } = rig()
  const purchase = taken(await ledger.reserve(ask('a')))
  store.fails = keys => (keys[0]?.startsWith('instance/') ? 'before' : 'no')
  await clock.advanceAsync(4_000)
  const next = new Ledger(store, clock, 'b')
  t.equal(await next.recover(), 1)
  await t.rejects(ledger.signed(purchase, signedFor(purchase, clock.now())), { name: 'ReservationLost' })
  await ledger.release(purchase)
})

t.test('an authorization that is over before it could arrive is not for sending', async t => {
  const { clock, ledger } = rig()
  const purchase = taken(await ledger.reserve(ask('a')))
  await t.rejects(ledger.signed(purchase, signedFor(purchase, clock.now(), 6)), /ends too soon/)
})

t.test('what a failing store was not told is told when it is back, and nothing is lost meanwhile', async t => {
  const { clock, store, ledger, sign, entries } = rig()
  const rules = { limits: limits({ total: { USDC: 20n } }) }
  store.fails = () => 'after'
  await t.rejects(ledger.reserve(ask('a', rules)), { message: 'gone' })
  store.fails = () => 'no'
  await clock.advanceAsync(1_000)
  t.strictSame(await entries(), [], 'the reservation that nobody has is undone')
  const purchase = await sign(taken(await ledger.reserve(ask('a', rules))))
  store.fails = keys => (keys[0] === 'get' ? 'no' : 'before')
  await ledger.settle(purchase, 'settled', { attempts: 1 })
  await clock.advanceAsync(2_000)
  t.match(await entries(), [{ state: 'signed' }])
  store.fails = () => 'no'
  await clock.advanceAsync(1_000)
  t.match(await entries(), [{ state: 'settled' }])
  await clock.advanceAsync(1_000)
  t.equal(clock.pending, 0, 'no timer while nothing is open')
})

t.test('P8: the answer of a client that left is there for its retry, once, and for a while', async t => {
  const { clock, ledger, sign } = rig()
  const purchase = await sign(taken(await ledger.reserve(ask('a'))))
  await ledger.hold(purchase.record.purchaseKey, Buffer.from('answer'), clock.now() + 10_000)
  t.equal(await ledger.takeHeld('b'), undefined)
  const all = await Promise.all([ledger.takeHeld('a'), ledger.takeHeld('a')])
  t.strictSame(all.map(String).sort(), ['answer', 'undefined'])
  await ledger.hold(purchase.record.purchaseKey, Buffer.from('answer'), clock.now() + 10_000)
  await clock.advanceAsync(10_000)
  t.equal(await ledger.takeHeld('a'), undefined)
})

t.test('a ledger that cannot be read spends nothing', async t => {
  const { store, ledger } = rig()
  const keys = ['spend/agent']
  const puts = [
    { key: 'spend/agent', value: Buffer.from('[["total/USDC","-5"]]'), expiresAt: Number.POSITIVE_INFINITY },
  ]
  await store.update(keys, () => ({ result: undefined, puts }))
  await t.rejects(ledger.reserve(ask('a')), { message: /cannot read/ })
})
