import t from 'tap'
import { RENEWAL_FLOOR, RenewalPace } from '../../../src/policy/renewal-pace.js'
import { millis } from '../../../src/time/units.js'

const HIGHEST = () => 1 - Number.EPSILON
const NOW = 1_000_000

const fail = (pace: RenewalPace, now: number, hint?: number) =>
  pace.onFailure(now, false, hint === undefined ? undefined : millis(hint), HIGHEST)

t.test('TR-04: each failure doubles the wait up to 60 s, and a success ends it', t => {
  const pace = new RenewalPace()
  t.equal(pace.mayAsk(0), true)
  const waits = Array.from({ length: 8 }, () => {
    fail(pace, NOW)
    return Math.round(pace.remaining(NOW))
  })
  t.strictSame(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  t.strictSame([pace.isFailing, pace.mayAsk(NOW + 59_999), pace.mayAsk(NOW + 60_000)], [true, false, true])
  pace.onSuccess()
  t.strictSame([pace.isFailing, pace.mayAsk(NOW), pace.remaining(NOW)], [false, true, 0])
  fail(pace, NOW)
  t.equal(Math.round(pace.remaining(NOW)), 1_000)
  t.end()
})

t.test('TR-04: a hint of the source wins over the backoff, shorter or longer', t => {
  for (const [hint, wait] of [
    [2_000, 2_400],
    [100_000, 120_000],
    [86_400_000, 330_000],
  ] as const) {
    const pace = new RenewalPace()
    for (let n = 0; n < 10; n++) fail(pace, NOW)
    fail(pace, NOW, hint)
    t.equal(Math.round(pace.remaining(NOW)), wait, `${hint} ms`)
  }
  t.end()
})

t.test('TR-05: a permanent failure ends with news only', t => {
  const pace = new RenewalPace()
  pace.onFailure(NOW, true, undefined, HIGHEST)
  t.strictSame([pace.needsLogin, pace.mayAsk(NOW + 1e9), pace.mayForce(NOW + 1e9, 0)], [true, false, false])
  pace.onNews()
  t.strictSame([pace.needsLogin, pace.isFailing], [false, false])
  t.equal(pace.mayAsk(NOW + 1_000), true)
  t.end()
})

t.test('news shorten a wait to one second after the failure, never to none', t => {
  const pace = new RenewalPace()
  for (let n = 0; n < 10; n++) fail(pace, NOW)
  pace.onNews()
  t.strictSame([pace.mayAsk(NOW + 999), pace.mayAsk(NOW + 1_000)], [false, true])
  t.end()
})

t.test('T4, TR-10: a 401 forces nothing within 5 s of the last time, of a failure or of the token', t => {
  const pace = new RenewalPace()
  t.strictSame([pace.mayForce(NOW, NOW - RENEWAL_FLOOR + 1), pace.mayForce(NOW, NOW - RENEWAL_FLOOR)], [false, true])
  pace.noteForced(NOW)
  t.strictSame([pace.mayForce(NOW + RENEWAL_FLOOR - 1, 0), pace.mayForce(NOW + RENEWAL_FLOOR, 0)], [false, true])
  for (let n = 0; n < 10; n++) fail(pace, NOW)
  t.equal(pace.mayForce(NOW + RENEWAL_FLOOR, 0), false)
  t.equal(new RenewalPace(millis(0)).mayForce(NOW, NOW), true, 'another floor')
  t.end()
})
