import t from 'tap'
import { SuccessCounter } from '../../../src/state/success-counter.js'
import { millis } from '../../../src/time/units.js'

t.test('R8: successes are counted over the span asked for, at most a minute', t => {
  const counter = new SuccessCounter()
  for (let ms = 0; ms < 120_000; ms += 100) counter.add(ms)
  t.equal(counter.within(119_999, millis(1_000)), 11, 'ten, and the share of the second before that is rounded up')
  t.equal(counter.within(119_500, millis(1_000)), 15, 'what came later in the running second counts as well')
  t.equal(counter.within(119_999, millis(10_000)), 101)
  t.equal(counter.within(119_999, millis(3_600_000)), 600)
  t.equal(counter.within(1e9, millis(60_000)), 0, 'a long silence leaves nothing')
  t.end()
})

t.test('R8: of the oldest second only its share counts', t => {
  const counter = new SuccessCounter()
  for (let i = 0; i < 10; i++) counter.add(900)
  t.equal(counter.within(1_200, millis(1_000)), 8)
  t.equal(counter.within(1_999, millis(1_000)), 1)
  t.end()
})
