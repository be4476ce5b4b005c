import t from 'tap'
import { isDue, isGood, tokenLife } from '../../../src/policy/token-life.js'
import { millis } from '../../../src/time/units.js'
import { START } from '../../support/clock.js'

const LOWEST = () => 0
const HIGHEST = () => 1 - Number.EPSILON

/** Seconds. */
function lifeOf(span: number | undefined, ahead: number, random = LOWEST, ttl = 300) {
  const settings = { ttl: millis(ttl * 1_000), refresh_ahead: millis(ahead * 1_000) }
  const life = tokenLife(span === undefined ? undefined : START + span * 1_000, START, 5_000, settings, random)
  if (life === undefined) throw new Error('it was over at once')
  const since = (monotonic: number) => Math.round(monotonic - 5_000) / 1_000
  return { life, good: (life.goodUntil - START) / 1_000, spent: since(life.spentAt), renew: since(life.renewAt) }
}

t.test('TR-01, TR-02: a token ends a margin before its expiry, and its renewal comes before that', t => {
  const cases: [string, number | undefined, number, number, number, number][] = [
    // name, span, refresh_ahead, good for, renewed not before, renewed not after
    ['an hour', 3_600, 60, 3_570, 3_360, 3_555],
    ['a day', 86_400, 60, 86_370, 82_020, 86_355],
    ['5 minutes', 300, 60, 270, 225, 255],
    ['a minute: half of it is left', 60, 60, 54, 27, 33],
    ['2 seconds', 2, 60, 1.8, 1, 1.1],
    ['half a second: only one second on, which is never', 0.5, 60, 0.45, 1, 1],
    ['a small wish makes the margin small', 3_600, 20, 3_590, 3_400, 3_585],
    ['a wish longer than the life', 3_600, 86_400, 3_570, 1_620, 1_980],
    ['no wish: no renewal ahead', 3_600, 0, 3_570, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['the source does not say: ttl', undefined, 60, 270, 225, 255],
    ['the source says nonsense: ttl', Number.NaN, 60, 270, 225, 255],
    ['the source says never: ttl', Number.POSITIVE_INFINITY, 60, 270, 225, 255],
  ]
  for (const [name, span, ahead, good, earliest, latest] of cases) {
    const early = lifeOf(span, ahead, HIGHEST)
    const late = lifeOf(span, ahead, LOWEST)
    t.strictSame([early.good, early.spent], [good, good], name)
    t.ok(early.renew >= earliest && early.renew <= late.renew, `${name}: ${early.renew}`)
    t.ok(late.renew <= latest, `${name}: ${late.renew}`)
  }
  t.end()
})

t.test('a token that is over, or ends now, has no life', t => {
  const settings = { ttl: millis(1_000), refresh_ahead: millis(0) }
  for (const span of [0, -1, -86_400_000, Number.NEGATIVE_INFINITY])
    t.equal(tokenLife(START + span, START, 0, settings, LOWEST) === undefined, Number.isFinite(span), `${span} ms`)
  t.end()
})

t.test('it is good before the margin on both clocks, and not at it', t => {
  const { life } = lifeOf(3_600, 60)
  t.equal(isGood(life, START + 3_569_999, 5_000 + 3_569_999), true)
  t.equal(isGood(life, START + 3_570_000, 5_000), false)
  t.equal(isGood(life, START, 5_000 + 3_570_000), false)
  t.end()
})

t.test(
  'it is due at its renewal, or when the clocks moved apart by more than the margin, but not in its first second',
  t => {
    const { life, renew } = lifeOf(3_600, 60)
    const at = (monotonic: number, jump = 0) => isDue(life, START + monotonic + jump, 5_000 + monotonic)
    t.equal(at(renew * 1_000 - 1), false)
    t.equal(at(renew * 1_000), true)
    for (const sign of [-1, 1]) {
      t.equal(at(1_000, sign * 30_000), false)
      t.equal(at(1_000, sign * 30_001), true)
      t.equal(at(999, sign * 30_001), false)
    }
    t.end()
  },
)
