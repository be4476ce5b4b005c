import { test } from 'tap'
import { ResetBudget } from '../../../src/listener/reset-budget.js'
import { ManualClock } from '../../support/clock.js'

test('256 requests may be cancelled at once, and 32 more each second', t => {
  const clock = new ManualClock()
  const budget = new ResetBudget(clock)
  for (let i = 0; i < 256; i++) t.ok(budget.spend())
  t.notOk(budget.spend())
  clock.advance(1_100)
  for (let i = 0; i < 32; i++) t.ok(budget.spend(), 'after a second')
  clock.advance(3_600_000)
  for (let i = 0; i < 256; i++) t.ok(budget.spend(), 'after an hour')
  t.notOk(budget.spend(), 'no more is saved up')
  t.end()
})
