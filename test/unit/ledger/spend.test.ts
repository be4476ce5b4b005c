import t from 'tap'
import { decodeSpend, encodeSpend, overrun, reserveIn, type Spend, signIn, spentIn } from '../../../src/ledger/spend.js'
import { limits } from '../../support/ledger-rig.js'

const NOW = Date.UTC(2026, 5, 1, 12, 59, 30)
const cost = { symbol: 'USDC', amount: 10n }
const bought = (spend: Spend, at: number) => signIn(reserveIn(spend, cost), cost, at)

t.test('P3: hours and days are those of UTC, and the last unit of a window can be spent', t => {
  const rules = limits({ per_hour: { USDC: 20n }, per_day: { USDC: 30n } })
  const once = bought(new Map(), NOW)
  t.equal(overrun(once, cost, rules, NOW), undefined)
  t.match(overrun(once, { ...cost, amount: 11n }, rules, NOW), { window: 'per_hour', limit: 20n, spent: 10n })
  const twice = bought(once, NOW)
  t.equal(overrun(twice, cost, rules, NOW)?.window, 'per_hour')
  t.equal(overrun(twice, cost, rules, NOW + 30_000), undefined, '13:00')
  t.equal(overrun(bought(twice, NOW + 30_000), cost, rules, NOW + 39_600_000)?.window, 'per_day', '23:59')
  t.equal(overrun(bought(twice, NOW + 30_000), cost, rules, Date.UTC(2026, 5, 2)), undefined)
  t.end()
})

t.test('what counts against a limit is what was signed in its window, and what is reserved', t => {
  const spend = reserveIn(bought(bought(new Map(), NOW), NOW - 86_400_000), cost)
  t.equal(spentIn(spend, 'hour', 'USDC', NOW), 20n)
  t.equal(spentIn(spend, 'hour', 'USDC', NOW + 30_000), 10n, '13:00')
  t.equal(spentIn(spend, 'day', 'USDC', NOW), 20n)
  t.equal(spentIn(spend, 'total', 'USDC', NOW), 30n)
  t.equal(spentIn(spend, 'total', 'EURC', NOW), 0n)
  t.end()
})

t.test('F27: a clock that is set back opens no window, neither the one it left nor one it had not been in', t => {
  const rules = limits({ per_minute: 2, per_hour: { USDC: 20n }, per_day: { USDC: 30n } })
  const full = bought(bought(new Map(), NOW), NOW)
  for (const back of [60_000, 3_600_000, 86_400_000]) t.ok(overrun(full, cost, rules, NOW - back), `${back} ms earlier`)
  const hour = limits({ per_hour: { USDC: 20n } })
  t.match(overrun(full, cost, hour, NOW - 7_200_000), { window: 'per_hour', spent: 20n })
  t.equal(spentIn(full, 'hour', 'USDC', NOW - 7_200_000), 20n, 'and it is shown')
  t.equal(spentIn(full, 'hour', 'EURC', NOW - 7_200_000), 0n)
  // A little in the window that the clock reached last hides nothing of the one before.
  const further = bought(full, NOW + 60_000)
  t.equal(overrun(further, cost, hour, NOW - 7_200_000)?.window, 'per_hour')
  const ahead = bought(full, NOW + 86_400_000)
  t.match(overrun(ahead, cost, hour, NOW), { window: 'per_hour' }, 'a day ahead, and back: it is as full as it was')
  t.equal(overrun(further, cost, hour, NOW + 60_000), undefined, 'and time goes on')
  t.equal(overrun(full, cost, hour, NOW - 400 * 86_400_000), undefined, 'a clock that was a year ahead was wrong')
  t.end()
})

t.test('a symbol that no ceiling names has none, whatever it is called', t => {
  const rules = limits({ per_hour: { USDC: 1n } })
  for (const symbol of ['EURC', 'toString', '__proto__'])
    t.equal(overrun(new Map(), { symbol, amount: 10n ** 30n }, rules, NOW), undefined)
  t.end()
})

t.test('sums of any size come back to the unit, and stay few', t => {
  let spend: Spend = new Map([['total/USDC', 2n ** 200n + 1n]])
  for (let minute = 0; minute < 5_000; minute++) spend = bought(spend, NOW + minute * 60_000)
  t.strictSame(decodeSpend(encodeSpend(spend)), spend)
  t.equal(spend.get('total/USDC'), 2n ** 200n + 1n + 50_000n)
  t.ok(spend.size < 130, `${spend.size} sums after days`)
  t.end()
})

t.test('sums that are not ours are none', t => {
  for (const text of [
    '',
    '{}',
    '[1]',
    '[["total/USDC","-1"]]',
    '[["total/USDC","1.5"]]',
    '[["total/USDC",{}]]',
    '[["a"]]',
  ])
    t.equal(decodeSpend(Buffer.from(text)), undefined, text)
  t.strictSame(decodeSpend(undefined), new Map())
  t.end()
})
