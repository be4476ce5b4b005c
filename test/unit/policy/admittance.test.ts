import t from 'tap'
import { type Admittance, ALL, nextAdmittance } from '../../../src/policy/admittance.js'
import { millis } from '../../../src/time/units.js'

const LIMIT = millis(1_000)

/** What comes of looks in turn: how late the loop was, and how full the memory. */
function after(...looks: readonly [lag: number, memory: number][]): Admittance {
  let now = ALL
  for (const [lag, memory] of looks) now = nextAdmittance(now, { lag: millis(lag), memory }, LIMIT)
  return now
}

t.test('one pause turns nobody away, a second one in a row does', t => {
  t.equal(after([5_000, 0]).share, 100)
  t.equal(after([5_000, 0], [0, 0], [5_000, 0]).share, 100)
  t.match(after([1_001, 0], [1_001, 0]), { share: 70, why: 'event_loop', closes: false })
  t.equal(after([1_000, 0], [1_000, 0]).share, 100, 'at the limit is within it')
  t.end()
})

t.test('the share falls fast and never to nothing, and comes back by a tenth', t => {
  const late = Array.from({ length: 20 }, (): [number, number] => [2_000, 0])
  t.equal(after(...late).share, 10)
  t.equal(after(...late, [0, 0], [0, 0]).share, 30)
  t.match(after(...late, [0, 0]), { why: 'event_loop' }, 'why it is not yet back')
  const calm = Array.from({ length: 9 }, (): [number, number] => [0, 0])
  t.strictSame(after(...late, ...calm), ALL)
  t.end()
})

t.test('memory closes connections first, and turns requests away then', t => {
  t.match(after([0, 0.919]), { share: 100, closes: false })
  t.match(after([0, 0.92]), { share: 100, closes: true })
  t.match(after([0, 0.95]), { share: 70, why: 'memory', closes: true })
  t.match(after([0, 0.95], [0, 0.93]), { why: 'memory', closes: true })
  t.match(after([0, 0.95], [0, 0.5]), { closes: false })
  t.match(after([0, 0.95], [0, 0.5], [0, 0.5], [0, 0.5]), ALL)
  t.end()
})
