import t from 'tap'
import { FailureWindow } from '../../../src/policy/failure-window.js'
import { seconds } from '../../../src/time/units.js'

t.test('R9: requests leave the window after its span, a tenth at a time', t => {
  const window = new FailureWindow(seconds(10))
  for (let ms = 0; ms < 10_000; ms += 1_000) window.add(ms, ms < 5_000)
  t.same([window.total, window.failed], [10, 5])
  window.add(12_000, false)
  t.same([window.total, window.failed], [8, 2], 'those of the first three seconds are gone')
  window.add(1e9, true)
  t.same([window.total, window.failed], [1, 1])
  t.end()
})

t.test('R9: a cleared window counts from nothing', t => {
  const window = new FailureWindow(seconds(1))
  for (let i = 0; i < 9; i++) window.add(500, true)
  window.clear()
  window.add(510, true)
  t.same([window.total, window.failed], [1, 1])
  t.end()
})
