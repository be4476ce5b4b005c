import fc from 'fast-check'
import t from 'tap'
import { afterHint, BACKOFF_FLOOR, backoff } from '../../../src/policy/backoff.js'
import { millis, seconds } from '../../../src/time/units.js'
import { holds } from '../../support/property.js'
import { seeded } from '../../support/random.js'

const SETTINGS = { base: millis(250), cap: seconds(8) }

t.test('R4: the ceiling doubles from base to cap and never overflows', t => {
  const ceilings = [0, 1, 2, 3, 4, 5, 6, 31, 5_000].map(n => backoff(n, SETTINGS, () => 1))
  t.same(ceilings, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000])
  t.equal(
    backoff(3, SETTINGS, () => 0),
    BACKOFF_FLOOR,
    'the floor is 10 ms',
  )
  t.equal(
    backoff(5_000, { base: millis(0), cap: seconds(8) }, () => 1),
    BACKOFF_FLOOR,
    'a base of 0 is no NaN',
  )
  t.end()
})

t.test('S17/R4: 10,000 draws at the cap are uniform: KS p > 0.01 and no bucket above twice the mean', t => {
  const random = seeded(20_260_101)
  const draws = Array.from({ length: 10_000 }, () => backoff(9, SETTINGS, random) / SETTINGS.cap).sort((a, b) => a - b)
  const distance = Math.max(...draws.map((x, i) => Math.max((i + 1) / draws.length - x, x - i / draws.length)))
  // The critical distance of a one-sample Kolmogorov-Smirnov test at p = 0.01 is 1.628 / √n.
  t.ok(distance < 1.628 / Math.sqrt(draws.length), `distance ${distance}`)

  const buckets = new Array<number>(80).fill(0)
  for (const x of draws) buckets[Math.floor(x * 80)] = (buckets[Math.floor(x * 80)] ?? 0) + 1
  t.ok(Math.max(...buckets) < (2 * draws.length) / 80, `fullest bucket ${Math.max(...buckets)}`)
  t.end()
})

t.test('R6: a hint gets positive jitter only: a fifth of it, at most 30 s', t => {
  const rows: [number, number, number][] = [
    [0, 10, 10],
    [1, 10, 10],
    [1_000, 1_000, 1_200],
    [60_000, 60_000, 72_000],
    [3_600_000, 3_600_000, 3_630_000],
    [2 ** 52, 2 ** 52, 2 ** 52 + 30_000],
  ]
  for (const [hint, least, most] of rows) {
    t.equal(
      afterHint(millis(hint), () => 0),
      least,
      `${hint} at least`,
    )
    t.equal(
      afterHint(millis(hint), () => 1),
      most,
      `${hint} at most`,
    )
  }
  t.end()
})

t.test('R6: no draw is before the hint', t => {
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  holds(
    t,
    fc.property(fc.nat(2 ** 31 - 1), draw, (hint, random) => afterHint(millis(hint), () => random) >= hint),
  )
  t.end()
})
