import t from 'tap'
import { RetryBudget } from '../../../src/policy/budget.js'

t.test('R7: five first attempts pay one repeat at a ratio of 0.2', t => {
  const budget = new RetryBudget({ ratio: 0.2, min_per_second: 0 })
  t.notOk(budget.withdraw(0), 'nothing without a deposit')
  for (let i = 0; i < 9; i++) budget.deposit(0)
  t.equal(budget.available(0), 1)
  t.ok(budget.withdraw(0))
  t.notOk(budget.withdraw(0), 'four left over pay nothing')
  budget.deposit(0)
  t.ok(budget.withdraw(0), 'the tenth completes the second')
  t.end()
})

t.test('R7: the reserve is min_per_second over the window, whatever the ratio', t => {
  for (const ratio of [0, 0.2, 0.3, 1]) {
    const budget = new RetryBudget({ ratio, min_per_second: 1 })
    let paid = 0
    while (budget.withdraw(0)) paid++
    t.equal(paid, 10, `ratio ${ratio}`)
    t.notOk(budget.withdraw(9_999), 'not yet back')
    t.equal(budget.available(10_000), 10, 'the withdrawals left the window')
  }
  t.end()
})

t.test('R7: deposits leave after 10 s, slot by slot', t => {
  const budget = new RetryBudget({ ratio: 1, min_per_second: 0 })
  for (let second = 0; second < 10; second++) budget.deposit(second * 1_000)
  t.equal(budget.available(9_999), 10)
  t.equal(budget.available(10_000), 9)
  t.equal(budget.available(14_000), 5)
  t.equal(budget.available(1e9), 0, 'a long silence empties it')
  t.end()
})

t.test('R7: a ratio of 0 gives nothing for deposits', t => {
  const budget = new RetryBudget({ ratio: 0, min_per_second: 0 })
  for (let i = 0; i < 1_000; i++) budget.deposit(0)
  t.notOk(budget.canWithdraw(0))
  t.end()
})

t.test('R7: a refund gives back what was paid, and nothing that has left the window', t => {
  const budget = new RetryBudget({ ratio: 1, min_per_second: 1 })
  for (let i = 0; i < 5; i++) t.ok(budget.withdraw(0))
  budget.refund(3_000, 0)
  t.equal(budget.available(3_000), 6)
  budget.refund(10_500, 0)
  t.equal(budget.available(10_500), 10, 'the reserve, no more')
  budget.withdraw(11_000)
  budget.refund(11_000)
  t.equal(budget.available(11_000), 10)
  t.end()
})

t.test('R7: over any hour of load, repeats stay at the ratio plus the reserve', t => {
  const budget = new RetryBudget({ ratio: 0.2, min_per_second: 1 })
  let paid = 0
  for (let ms = 0; ms < 3_600_000; ms += 10) {
    budget.deposit(ms)
    while (budget.withdraw(ms)) paid++
  }
  const share = paid / 360_000
  t.ok(share > 0.2 && share < 0.22, `${share}`)
  t.end()
})

t.test('R7: a budget is off when neither deposits nor time ever pay a repeat', t => {
  t.ok(new RetryBudget({ ratio: 0, min_per_second: 0 }).isOff)
  t.notOk(new RetryBudget({ ratio: 0, min_per_second: 1 }).isOff)
  t.notOk(new RetryBudget({ ratio: 0.1, min_per_second: 0 }).isOff)
  t.end()
})
