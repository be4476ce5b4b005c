import t from 'tap'
import { Breaker, countsAsFailure } from '../../../src/policy/breaker.js'
import { PHASES } from '../../../src/policy/types.js'
import { seconds } from '../../../src/time/units.js'
import { outcome } from '../../support/play.js'
import { breakerSettings } from '../../support/retry-settings.js'

const refused = (retryAfter: number) => ({ admit: false, retryAfter })
const probe = { admit: true, probe: true }
const admitted = { admit: true, probe: false }

function tripped(now: number, hint?: number): Breaker {
  const breaker = new Breaker(breakerSettings())
  for (let i = 0; i < 5; i++) breaker.onFailure(now, hint === undefined ? undefined : seconds(hint))
  return breaker
}

t.test('R9: five failures in a row open it, four do not', t => {
  const breaker = new Breaker(breakerSettings())
  for (let i = 0; i < 4; i++) breaker.onFailure(0)
  breaker.onSuccess(1)
  for (let i = 0; i < 4; i++) breaker.onFailure(2)
  t.same(breaker.admit(3), admitted)
  breaker.onFailure(3)
  t.same(breaker.admit(3), refused(5_000))
  t.same(breaker.admit(5_002), refused(1), 'honest to the millisecond')
  t.end()
})

t.test('R9: half of at least 20 requests within the window open it', t => {
  const breaker = new Breaker(breakerSettings())
  for (let i = 0; i < 9; i++) {
    breaker.onFailure(i)
    breaker.onSuccess(i)
  }
  breaker.onFailure(9)
  t.equal(breaker.state, 'closed', '10 of 19')
  breaker.onFailure(10)
  t.equal(breaker.state, 'open', '11 of 20')
  const slow = new Breaker(breakerSettings())
  for (let i = 0; i < 60; i++) {
    slow.onFailure(i * 900)
    slow.onSuccess(i * 900)
  }
  t.equal(slow.state, 'open', '20 within 10 s')
  const slower = new Breaker(breakerSettings())
  for (let i = 0; i < 60; i++) {
    slower.onFailure(i * 1_200)
    slower.onSuccess(i * 1_200)
  }
  t.equal(slower.state, 'closed', 'never 20 within 10 s')
  t.end()
})

t.test('R9: half-open lets one probe pass, and its success closes', t => {
  const breaker = tripped(0)
  t.same(breaker.admit(5_000), probe)
  t.same(breaker.admit(5_000), refused(5_000), 'the second waits')
  breaker.onSuccess(5_100)
  t.same(breaker.admit(5_100), admitted)
  for (let i = 0; i < 4; i++) breaker.onFailure(5_200)
  t.equal(breaker.state, 'closed', 'it counts from nothing again')
  t.end()
})

t.test('R9: the open time doubles with each failed probe, to 60 s at most', t => {
  const breaker = tripped(0)
  let now = 0
  for (const open of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    t.same(breaker.admit(now), refused(open), `${open}`)
    now += open
    t.same(breaker.admit(now), probe)
    breaker.onFailure(now)
  }
  t.end()
})

t.test('R9: the open time starts from the bottom after 60 s without a trip', t => {
  const fail = (breaker: Breaker, now: number) => {
    for (let i = 0; i < 5; i++) breaker.onFailure(now)
  }
  const breaker = tripped(0)
  breaker.admit(5_000)
  breaker.onSuccess(5_000)
  fail(breaker, 64_999)
  t.same(breaker.admit(64_999), refused(10_000), 'not yet')
  breaker.admit(75_000)
  breaker.onSuccess(75_000)
  fail(breaker, 135_000)
  t.same(breaker.admit(135_000), refused(5_000))
  t.end()
})

t.test("R9: the tripping answer's own hint is a floor, up to five minutes", t => {
  t.same(tripped(0, 2).admit(0), refused(5_000))
  t.same(tripped(0, 30).admit(0), refused(30_000))
  t.same(tripped(0, 86_400).admit(0), refused(300_000))
  t.end()
})

t.test('R9: an abandoned probe makes room for the next, a lost one after a while', t => {
  const breaker = tripped(0)
  breaker.admit(5_000)
  breaker.onAbandoned()
  t.same(breaker.admit(5_001), probe)
  t.same(breaker.admit(10_000), refused(1))
  t.same(breaker.admit(10_001), probe, 'no answer for the open time')
  breaker.onAbandoned(false)
  t.same(breaker.admit(10_002), refused(4_999), 'someone else left')
  t.end()
})

t.test('R9: stragglers from before the trip decide nothing', t => {
  const breaker = tripped(0)
  breaker.onFailure(100)
  breaker.onSuccess(100)
  t.same(breaker.admit(100), refused(4_900), 'while open')
  breaker.admit(5_000)
  breaker.onSuccess(5_001, false)
  breaker.onFailure(5_001, undefined, false)
  t.equal(breaker.state, 'probing')
  t.end()
})

t.test('R9: an operator can close it', t => {
  const breaker = tripped(0)
  breaker.reset(10)
  t.same(breaker.admit(10), admitted)
  t.end()
})

t.test('R9: closed, it answers with one and the same object', t => {
  const breaker = new Breaker(breakerSettings())
  t.equal(breaker.admit(0), breaker.admit(1))
  t.end()
})

t.test('R9: connect faults, resets, timeouts and 5xx count; 4xx, 501, 505 and our own connections do not', t => {
  const failing = [500, 502, 503, 504, 520, 529, 599]
  const fine = [200, 304, 400, 401, 404, 408, 425, 429, 499, 501, 505]
  for (const status of failing) t.ok(countsAsFailure(outcome(status)), String(status))
  for (const status of fine) t.notOk(countsAsFailure(outcome(status)), String(status))
  const counted = PHASES.filter(phase => countsAsFailure(outcome(phase)))
  t.same(counted, ['dns', 'connect', 'tls', 'reset', 'timeout', 'junk', 'answered', 'committed'])
  t.notOk(countsAsFailure({ kind: 'fault', fault: 'destination_ip_prohibited', phase: 'connect', details: '' }))
  t.end()
})
