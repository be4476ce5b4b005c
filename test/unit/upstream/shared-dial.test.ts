import t from 'tap'
import { millis } from '../../../src/time/units.js'
import type { Line } from '../../../src/upstream/line.js'
import { SharedDial, Waiter } from '../../../src/upstream/shared-dial.js'
import type { AttemptFault } from '../../../src/upstream/to-fault.js'
import { ManualClock } from '../../support/clock.js'

function party() {
  const clock = new ManualClock()
  const dial = new SharedDial(clock)
  let cancelled = 0
  const join = (patience: number) => {
    const results: (Line | AttemptFault)[] = []
    const waiter = new Waiter(clock, millis(patience), result => results.push(result))
    dial.add(waiter)
    return { waiter, results }
  }
  const begin = () => dial.begin(() => () => cancelled++)
  return { clock, dial, join, begin, cancelled: () => cancelled }
}

const REFUSED: AttemptFault = { fault: 'connection_refused', phase: 'connect', details: '' }

t.test('every waiter keeps its own patience, and the dial goes on for the others', t => {
  const { clock, join, begin, cancelled } = party()
  const hasty = join(100)
  begin()
  clock.advance(50)
  const calm = join(100)
  clock.advance(50)
  t.match(hasty.results, [{ fault: 'connection_timeout', phase: 'connect', details: 'no connection in 100 ms' }])
  t.equal(calm.results.length, 0)
  t.equal(cancelled(), 0)
  clock.advance(50)
  t.match(calm.results, [{ fault: 'connection_timeout' }])
  t.equal(cancelled(), 1, 'nobody waits any more')
  t.equal(clock.pending, 0)
  t.end()
})

t.test('a dial is cancelled when all its waiters have left, and takes no new ones', t => {
  const { dial, join, begin, cancelled } = party()
  const [one, two] = [join(100), join(100)]
  begin()
  one.waiter.cancel()
  t.equal(cancelled(), 0)
  two.waiter.cancel()
  t.equal(cancelled(), 1)
  t.equal(dial.takesMore(10), false)
  t.same([one.results, two.results], [[], []])
  t.end()
})

t.test('a connection that stands is not cancelled', t => {
  const { dial, join, begin, cancelled } = party()
  const { waiter } = join(100)
  begin()
  dial.connected()
  waiter.cancel()
  t.equal(cancelled(), 0)
  t.end()
})

t.test('a dial that failed at once is not cancelled later', t => {
  const { dial, join, cancelled } = party()
  const { results } = join(100)
  let late = 0
  dial.begin(() => {
    for (const waiter of dial.close()) waiter.settle(REFUSED)
    return () => late++
  })
  t.same(results, [REFUSED])
  t.equal(late + cancelled(), 0)
  t.end()
})

t.test('nobody joins a full dial, nor one that hangs', t => {
  const { clock, dial, join, begin } = party()
  join(10_000)
  begin()
  t.equal(dial.takesMore(1), false)
  t.equal(dial.takesMore(2), true)
  clock.advance(999)
  t.equal(dial.takesMore(2), true)
  clock.advance(1)
  t.equal(dial.takesMore(2), false)
  t.end()
})

t.test('those who wait are told in the order in which they came', t => {
  const { dial, join, begin } = party()
  const [one, two, three] = [join(100), join(100), join(100)]
  begin()
  t.equal(dial.first(), one.waiter)
  two.waiter.cancel()
  t.same(dial.close(), [one.waiter, three.waiter])
  t.end()
})
