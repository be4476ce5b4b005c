import t from 'tap'
import { decideRetry } from '../../../src/policy/retry.js'
import type { Attempt } from '../../../src/policy/types.js'
import { type HealthSettings, UpstreamHealth } from '../../../src/state/upstream-health.js'
import { millis, seconds } from '../../../src/time/units.js'
import { ManualClock } from '../../support/clock.js'
import { outcome } from '../../support/play.js'
import { seeded } from '../../support/random.js'
import { breakerSettings, firstAttempt, retrySettings, someFacts } from '../../support/retry-settings.js'

const SETTINGS: HealthSettings = {
  budget: { ratio: 0.2, min_per_second: 1 },
  breaker: breakerSettings(),
  cooldown: { on: [429, 503], queue: 256 },
}

type Outage = { offered: number; hits: number; lost: number; openAfter: number; probeAt: number; successAt: number }

/** 100 requests a second for a minute; 1 % of noise, then from 20 s to 40 s the upstream answers 503 only. */
function outage(settings: HealthSettings, seed: number): Outage {
  const clock = new ManualClock()
  const random = seeded(seed)
  const health = new UpstreamHealth(clock, settings)
  const retry = retrySettings({ attempts: 4 })
  const seen: Outage = { offered: 0, hits: 0, lost: 0, openAfter: Infinity, probeAt: Infinity, successAt: Infinity }
  const isDown = () => clock.monotonic() >= 20_000 && clock.monotonic() < 40_000
  const isNoise = () => clock.monotonic() < 20_000 && random() < 0.01

  function send(attempt: Attempt): void {
    const admission = health.admit()
    if (!admission.admit) {
      if (isDown()) seen.openAfter = Math.min(seen.openAfter, clock.monotonic() - 20_000)
      return
    }
    if (isDown()) seen.hits++
    else if (admission.probe) seen.probeAt = Math.min(seen.probeAt, clock.monotonic())
    const status = isDown() || isNoise() ? 503 : 200
    clock.schedule(millis(10), () => conclude(attempt, status, admission.probe))
  }

  function conclude(attempt: Attempt, status: number, probe: boolean): void {
    const result = outcome(status)
    health.conclude(result, probe)
    if (status === 200 && clock.monotonic() > 40_000) seen.successAt = Math.min(seen.successAt, clock.monotonic())
    const facts = someFacts({ random, budget: health.budget.canWithdraw(clock.monotonic()) })
    const decision = decideRetry(attempt, result, facts, retry)
    if (decision.act === 'return') {
      if (status !== 200 && !isDown()) seen.lost++
      return
    }
    health.budget.withdraw(clock.monotonic())
    clock.schedule(decision.after, () => send({ ...attempt, number: attempt.number + 1, retries: attempt.retries + 1 }))
  }

  for (let i = 0; i < 6_000; i++) {
    clock.schedule(millis(i * 10), () => {
      if (isDown()) seen.offered++
      health.budget.deposit(clock.monotonic())
      send(firstAttempt())
    })
  }
  clock.advance(120_000)
  return seen
}

t.test('S8/R7/R9: in a 20 s outage at 100 rps the upstream sees at most 1.25 hits per request', t => {
  for (const seed of [1, 2]) {
    const seen = outage(SETTINGS, seed)
    t.ok(seen.hits / seen.offered <= 1.25, `${seen.hits} hits for ${seen.offered} requests`)
    t.ok(seen.openAfter <= 1_000, `the breaker opened after ${seen.openAfter} ms`)
    t.ok(seen.successAt - seen.probeAt <= 2_000, `probe at ${seen.probeAt}, success at ${seen.successAt}`)
    t.ok(seen.probeAt <= 60_000, 'the next probe is not more than the open time away')
    t.ok(seen.lost <= 5, `${seen.lost} lost to noise outside of the outage`)
  }
  t.end()
})

t.test('S8/R7: the budget alone keeps the amplification at 1.25', t => {
  const seen = outage({ ...SETTINGS, breaker: undefined }, 3)
  t.ok(seen.hits / seen.offered <= 1.25 && seen.hits > seen.offered, `${seen.hits} hits for ${seen.offered} requests`)
  t.ok(seen.successAt <= 41_000)
  t.end()
})

t.test('R8: a gate belongs to one credential and is gone when it has nothing to hold back', t => {
  const clock = new ManualClock()
  const health = new UpstreamHealth(clock, SETTINGS)
  for (let i = 0; i < 7; i++) health.noteSuccess('a', 0)
  t.notOk(health.gate('a'))
  const gate = health.closeGate('a', seconds(1), 0)
  t.equal(health.gate('a'), gate)
  t.notOk(health.gate('b'))
  t.ok(health.isActive)
  let released = 0
  for (let i = 0; i < 8; i++) gate?.enter({ dueAt: 60_000, release: () => released++ })
  clock.advance(1_020)
  t.equal(released, 7, 'the pace is what succeeded before')
  clock.advance(10_000)
  t.equal(health.gates.size, 0)
  t.notOk(health.isActive)
  t.end()
})

t.test('R8: without cooldown there is no gate, and there are never more than 1,024', t => {
  const clock = new ManualClock()
  const off = new UpstreamHealth(clock, { ...SETTINGS, cooldown: undefined })
  t.equal(off.closeGate('a', seconds(1), 0), undefined)
  const many = new UpstreamHealth(clock, SETTINGS)
  for (let i = 0; i < 1_030; i++) many.closeGate(String(i), seconds(1), 0)
  t.equal(many.gates.size, 1_024)
  many.dispose()
  t.equal(many.gates.size + clock.pending, 0)
  t.end()
})

t.test('R7: with retries off the budget is empty', t => {
  const health = new UpstreamHealth(new ManualClock(), { ...SETTINGS, budget: undefined })
  health.budget.deposit(0)
  t.notOk(health.budget.canWithdraw(0))
  t.end()
})

t.test('R9: faults open the breaker, answers below 500 and our own connections do not', t => {
  const health = new UpstreamHealth(new ManualClock(), SETTINGS)
  for (let i = 0; i < 9; i++) for (const step of [404, 'stale']) health.conclude(outcome(step), false)
  for (let i = 0; i < 4; i++) health.conclude(outcome('connect'), false)
  t.same(health.admit(), { admit: true, probe: false })
  health.conclude(outcome('unsent'), false)
  health.conclude(outcome(503), false, seconds(30))
  t.same(health.admit(), { admit: false, retryAfter: 30_000 }, 'open as long as the tripping answer asks')
  t.ok(health.isActive)
  t.end()
})

t.test('R9: a probe whose attempt told nothing makes room for the next', t => {
  const clock = new ManualClock()
  const health = new UpstreamHealth(clock, SETTINGS)
  for (let i = 0; i < 5; i++) health.conclude(outcome(500), false)
  clock.advance(5_000)
  t.same(health.admit(), { admit: true, probe: true })
  health.conclude(outcome('stale'), true)
  t.same(health.admit(), { admit: true, probe: true })
  health.conclude(outcome(200), true)
  t.same(health.admit(), { admit: true, probe: false })
  t.end()
})

t.test('R9: without a breaker everything is admitted', t => {
  const health = new UpstreamHealth(new ManualClock(), { ...SETTINGS, breaker: undefined })
  for (let i = 0; i < 99; i++) health.conclude(outcome(500), false)
  t.equal(health.admit(), health.admit())
  t.match(health.admit(), { admit: true })
  t.end()
})
