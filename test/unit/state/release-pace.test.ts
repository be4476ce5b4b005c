import t from 'tap'
import { ReleasePace } from '../../../src/state/release-pace.js'

/** One step in which `taken` of the released succeed and `limited` of them are limited; the pace after it. */
function step(pace: ReleasePace, taken: number, limited = 0): number {
  pace.take(taken + limited)
  for (let i = 0; i < taken; i++) pace.noteSuccess()
  for (let i = 0; i < limited; i++) pace.noteLimited()
  pace.endStep()
  return pace.perStep
}

t.test('R8: the first pace is what succeeded before, at least one', t => {
  t.equal(new ReleasePace(0).perStep, 1)
  t.equal(new ReleasePace(7).perStep, 7)
  const late = new ReleasePace(7)
  late.noteEarlySuccess()
  t.equal(late.perStep, 8, 'an answer that was still on its way counts')
  t.end()
})

t.test('R8: a step that was taken whole earns 10 % more, at least one', t => {
  const pace = new ReleasePace(1)
  t.same(
    [1, 2, 3].map(n => step(pace, n)),
    [2, 3, 4],
  )
  t.equal(step(new ReleasePace(50), 50), 55)
  t.equal(step(new ReleasePace(50), 49), 50, 'a step that was not full proves nothing')
  const slow = new ReleasePace(5)
  slow.take(5)
  slow.noteSuccess()
  slow.endStep()
  t.equal(slow.perStep, 5, 'nor does one whose answers are still out')
  t.end()
})

t.test('R8: a step that meets the limit brings the pace down to what was taken, and growth rests for ten steps', t => {
  const pace = new ReleasePace(10)
  t.equal(step(pace, 10), 11)
  t.equal(step(pace, 10, 1), 10)
  for (let i = 0; i < 10; i++) t.equal(step(pace, 10), 10, `step ${i}`)
  t.equal(step(pace, 10), 11)
  t.end()
})

t.test('R8: one step cut short by bad timing is made up for, a second one is believed', t => {
  const pace = new ReleasePace(10)
  step(pace, 10)
  step(pace, 10, 1)
  step(pace, 10)
  t.equal(step(pace, 4, 2), 4)
  t.equal(step(pace, 4), 7, 'half the way back')
  t.equal(step(pace, 5, 2), 5)
  t.equal(step(pace, 5), 5, 'now five is what is known')
  t.end()
})

t.test('R8: steps of which nothing is taken halve the pace, down to one', t => {
  const pace = new ReleasePace(8)
  t.same(
    [8, 4, 2, 1].map(n => step(pace, 0, n)),
    [4, 2, 1, 1],
  )
  const proven = new ReleasePace(8)
  step(proven, 8)
  t.equal(step(proven, 0, 9), 8, 'a proven pace gets one more chance')
  t.equal(step(proven, 0, 8), 4)
  t.end()
})

t.test('R8: no more leave than the pace allows, spread over the step', t => {
  const pace = new ReleasePace(4)
  t.same(
    [0, 0.25, 0.5, 0.75, 1, 9].map(share => pace.due(share)),
    [1, 2, 3, 4, 4, 4],
  )
  t.equal(pace.take(3), 3)
  t.equal(pace.due(0.75), 1)
  t.equal(pace.take(3), 1)
  t.equal(pace.left, 0)
  t.end()
})

t.test('R8: the earliest turn assumes that every step goes well', t => {
  const pace = new ReleasePace(10)
  const rows = [0, 9, 10, 20, 21, 32, 33]
  t.same(
    rows.map(ahead => pace.turn(ahead, 100, 1_000)),
    [100, 100, 1_100, 1_100, 2_100, 2_100, 3_100],
  )
  step(pace, 10)
  step(pace, 10, 1)
  t.equal(pace.turn(100, 0, 1_000), 10_000, 'without growth while the limit is known')
  t.end()
})
