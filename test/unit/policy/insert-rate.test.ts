import fc from 'fast-check'
import t from 'tap'
import { type InsertBucket, takeInsert } from '../../../src/policy/insert-rate.js'
import { holds } from '../../support/property.js'

const START = 1_790_000_000_000
const ADCP = { per_second: 60, burst: 300 }

/** Asks at each of these times; which were accepted. */
function play(times: readonly number[], rate: { per_second: number; burst: number }) {
  let bucket: InsertBucket | undefined
  return times.map(at => {
    const taken = takeInsert(bucket, at, rate)
    // It goes through a store as JSON: only whole numbers may be in it.
    bucket = JSON.parse(JSON.stringify(taken.bucket)) as InsertBucket
    return { at, retryAfter: taken.retryAfter, bucket }
  })
}

t.test('I11: of 1,000 new keys a second for 10 s, 900 are accepted, give or take one in a hundred', t => {
  const times = Array.from({ length: 10_000 }, (_, i) => START + i)
  const accepted = play(times, ADCP).filter(({ retryAfter }) => retryAfter === undefined).length
  t.ok(accepted >= 891 && accepted <= 909, `${accepted}`)
  t.end()
})

t.test('I11: the burst is there at once, and again after its time', t => {
  const burst = Array.from({ length: 301 }, () => START)
  const taken = play([...burst, START + 4_999, ...burst.map(at => at + 60_000)], ADCP)
  t.equal(
    taken.slice(0, 300).every(({ retryAfter }) => retryAfter === undefined),
    true,
  )
  t.equal(taken[300]?.retryAfter, 1_000)
  t.equal(
    taken.slice(302).filter(({ retryAfter }) => retryAfter === undefined).length,
    300,
    'never more than the burst',
  )
  t.end()
})

t.test('I11: below the rate nothing is ever refused', t => {
  const times = Array.from({ length: 5_000 }, (_, i) => START + i * 20)
  t.equal(play(times, { per_second: 50, burst: 1 }).filter(({ retryAfter }) => retryAfter !== undefined).length, 0)
  t.end()
})

t.test('I11: a refusal names whole seconds, at least one, and after them the next claim is accepted', t => {
  const rate = fc.record({
    per_second: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0.01, max: 10, noNaN: true })),
    burst: fc.integer({ min: 1, max: 50 }),
  })
  const steps = fc.array(fc.nat(2_000), { minLength: 1, maxLength: 100 })
  holds(
    t,
    fc.property(rate, steps, (limits, gaps) => {
      let now = START
      const taken = play(
        gaps.map(gap => (now += gap < 1_000 ? 0 : gap - 1_000)),
        limits,
      )
      return taken.every(({ at, retryAfter, bucket }) => {
        if (!Number.isSafeInteger(bucket.level) || !Number.isSafeInteger(bucket.at) || bucket.level < 0) return false
        if (retryAfter === undefined) return true
        if (retryAfter < 1_000 || retryAfter % 1_000 !== 0) return false
        return takeInsert(bucket, at + retryAfter, limits).retryAfter === undefined
      })
    }),
    1_000,
  )
  t.end()
})

t.test('I11: in any span no more is accepted than the burst and what the rate gives', t => {
  const gaps = fc.array(fc.nat(30), { minLength: 1, maxLength: 300 })
  holds(
    t,
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 20 }), gaps, (per_second, burst, waits) => {
      let now = START
      const accepted = play(
        waits.map(wait => (now += wait)),
        { per_second, burst },
      )
        .filter(({ retryAfter }) => retryAfter === undefined)
        .map(({ at }) => at)
      return accepted.every((from, i) =>
        accepted.slice(i).every((to, n) => n + 1 <= burst + (per_second * (to - from)) / 1_000 + 1e-9),
      )
    }),
    300,
  )
  t.end()
})

t.test('I11: a clock that is behind fills nothing twice, one that was set back does not stop the bucket', t => {
  const full = { per_second: 1, burst: 2 }
  const { bucket } = takeInsert(undefined, START, full)
  const behind = takeInsert(bucket, START - 5_000, full)
  t.equal(behind.bucket.at, START)
  t.equal(behind.bucket.level, 0)
  t.equal(takeInsert(behind.bucket, START, full).retryAfter, 1_000, 'the 5 s were not counted')
  const set = takeInsert(behind.bucket, START - 3_600_000, full)
  t.equal(set.retryAfter, 1_000)
  t.equal(takeInsert(set.bucket, START - 3_600_000 + 1_000, full).retryAfter, undefined)
  t.end()
})

t.test('I11: a lower burst takes effect on a bucket that is there', t => {
  const { bucket } = takeInsert(undefined, START, { per_second: 1, burst: 1_000 })
  const times = play([START, START], { per_second: 1, burst: 1 })
  t.equal(times[1]?.retryAfter, 1_000)
  t.equal(takeInsert(bucket, START, { per_second: 1, burst: 1 }).bucket.level, 0)
  t.end()
})
