import t from 'tap'
import { type Act, drawErrand, type Errand } from '../../../../src/bench/soak/errand.js'
import { isExplained, type Seen } from '../../../../src/bench/soak/explained.js'
import { diceOf } from '../../../../src/bench/soak/seeded.js'

const errand = (more: Partial<Errand> = {}): Errand => ({ ...drawErrand(() => 0), route: 'retry', acts: [], ...more })
const own = (status: number, code: string): Seen => ({ kind: 'own', status, code })
const whole = (status: number): Seen => ({ kind: 'whole', status })

t.test('an end is explained by what was done to the request, and by nothing else', t => {
  const acts = (...list: Act[]) => errand({ acts: list })
  const cases: readonly (readonly [name: string, errand: Errand, seen: Seen, explained: boolean])[] = [
    ['an answer', acts(), whole(200), true],
    ['a 500 that nobody sent', acts(), whole(500), false],
    ['a 500 that was sent', acts('fail'), whole(500), true],
    ['a reset GET', acts('reset'), own(502, 'reset'), true],
    ['a GET that nobody reset', acts(), own(502, 'reset'), false],
    ['a POST where connections die', errand({ method: 'POST' }), own(502, 'reset'), true],
    ['a POST where none does', errand({ method: 'POST', route: 'minted' }), own(502, 'reset'), false],
    ['a GET that is never repeated', errand({ route: 'pass' }), own(502, 'reset'), true],
    ['silence', acts('silent'), own(504, 'deadline'), true],
    ['a deadline without it', errand({ route: 'mount' }), own(504, 'deadline'), false],
    ['a gate in the way', errand({ route: 'vendor' }), own(429, 'cooldown_full'), true],
    ['a gate that is off', errand({ route: 'tls' }), own(429, 'cooldown_full'), false],
    ['a bug', acts('junk', 'reset', 'silent'), own(500, 'proxy_internal_error'), false],
    ['a store that fails', errand({ route: 'keyed', keyed: 'again' }), own(503, 'store_unavailable'), false],
    ['a key in doubt', errand({ route: 'keyed', keyed: 'again' }), own(409, 'outcome_unknown'), true],
    ['a key in doubt that nobody sent', acts('reset'), own(409, 'outcome_unknown'), false],
    ['a cut answer', acts('cut'), { kind: 'broken', status: 200 }, true],
    ['an answer that nobody cut', acts('drip'), { kind: 'broken', status: 200 }, false],
    ['no answer at all', acts('reset'), { kind: 'unanswered', error: 'ECONNRESET' }, false],
  ]
  for (const [name, asked, seen, explained] of cases) t.equal(isExplained(asked, seen), explained, name)
  t.end()
})

t.test('the same seed draws the same errands, and all kinds of trouble are met', t => {
  const drawn = (seed: number) => {
    const dice = diceOf(seed)
    return Array.from({ length: 10_000 }, () => drawErrand(dice))
  }
  const errands = drawn(1)
  t.equal(JSON.stringify(drawn(1)), JSON.stringify(errands))
  t.not(JSON.stringify(drawn(2)), JSON.stringify(errands))
  t.equal(new Set(errands.flatMap(({ acts }) => acts)).size, 14)
  t.equal(new Set(errands.map(({ manner }) => manner)).size, 7)
  const troubled = errands.filter(({ acts }) => acts.length > 0).length / errands.length
  t.ok(troubled > 0.01 && troubled < 0.05, `${(troubled * 100).toFixed(1)} % in trouble`)
  t.end()
})
