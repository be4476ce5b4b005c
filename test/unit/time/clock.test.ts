import { test } from 'tap'
import { atOnce, systemClock } from '../../../src/time/clock.js'

/** Until the clock shows another time. */
function pass(): void {
  const from = performance.now()
  while (performance.now() - from < 0.5);
}

test('while one read is handled, what needs no exact time is told the last one that was read', t => {
  const said = atOnce(() => {
    const first = systemClock.lately()
    pass()
    const second = systemClock.lately()
    const exact = systemClock.monotonic()
    return { first, second, exact, third: systemClock.lately() }
  }, undefined)
  t.equal(said.second, said.first)
  t.ok(said.exact > said.first, 'who needs it gets it')
  t.equal(said.third, said.exact)
  t.end()
})

test('each read has its own time, and between reads the clock is asked', t => {
  const first = atOnce(systemClock.lately, undefined)
  pass()
  const between = systemClock.lately()
  t.ok(between > first)
  pass()
  t.ok(systemClock.lately() > between)
  t.throws(
    () =>
      atOnce(() => {
        throw new Error('a bug')
      }, undefined),
    /a bug/,
  )
  pass()
  const after = systemClock.lately()
  pass()
  t.ok(systemClock.lately() > after, 'also after a bug')
  t.end()
})
