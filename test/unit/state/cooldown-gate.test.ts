import t from 'tap'
import { CooldownGate, type Entry, type Waiter } from '../../../src/state/cooldown-gate.js'
import { millis } from '../../../src/time/units.js'
import { ManualClock } from '../../support/clock.js'
import { fixedWindow, type Limiter, simulate, slidingWindow, tokenBucket } from '../../support/rate-limited-upstream.js'

const UPSTREAMS: Readonly<Record<string, () => Limiter>> = {
  'a fixed window': () => fixedWindow(10),
  'a fixed window that began earlier': () => fixedWindow(10, 700),
  'a fixed window that names its end exactly': () => fixedWindow(10, 700, 1),
  'a sliding window': () => slidingWindow(10),
  'a token bucket': () => tokenBucket(10),
}

for (const [name, limiter] of Object.entries(UPSTREAMS)) {
  t.test(`S4/R8: 100 requests at once through ${name} of 10/s all succeed with few hits`, t => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const result = simulate({ requests: 100, every: 0, limiter: limiter(), seed })
      t.match(result, { succeeded: 100, duringCooldown: 0, leftOver: 0 }, `seed ${seed}`)
      t.ok(result.hits <= 220 && result.took <= 12_000 && result.most429 <= 2, JSON.stringify(result))
    }
    t.end()
  })

  t.test(`S5/R8: 100 requests at 20/s through ${name} of 10/s all succeed with few hits`, t => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const result = simulate({ requests: 100, every: 50, limiter: limiter(), seed })
      t.match(result, { succeeded: 100, duringCooldown: 0, leftOver: 0 }, `seed ${seed}`)
      t.ok(result.hits <= 125 && result.most429 <= 2, JSON.stringify(result))
    }
    t.end()
  })

  t.test(`R8: an upstream 30 ms away with ${name} is served as well`, t => {
    for (const every of [0, 50]) {
      const result = simulate({ requests: 100, every, limiter: limiter(), seed: 6, latency: 30 })
      t.match(result, { succeeded: 100, duringCooldown: 0 }, JSON.stringify(result))
    }
    t.end()
  })
}

t.test('R8: a crowd that cannot fit into the queue or the deadline is refused at once, the rest succeeds', t => {
  const small = simulate({ requests: 100, every: 0, limiter: fixedWindow(10), seed: 1, queue: 20 })
  t.match(small, { succeeded: 30, failed: 70, leftOver: 0 }, 'the queue')
  const short = simulate({ requests: 100, every: 0, limiter: fixedWindow(10), seed: 1, timeout: 3_500 })
  t.ok(short.succeeded >= 30 && short.succeeded + short.failed === 100, `the deadline: ${short.succeeded}`)
  t.end()
})

type Bench = {
  clock: ManualClock
  gate: CooldownGate
  left: string[]
  idle: () => number
  enter(name: string, dueAt?: number): Entry
}

function bench(queueMax = 256): Bench {
  const clock = new ManualClock()
  let idle = 0
  const left: string[] = []
  const gate = new CooldownGate({ clock, queueMax, onIdle: () => idle++ })
  const enter = (name: string, dueAt = 60_000) => gate.enter({ dueAt, release: () => left.push(name) })
  return { clock, gate, left, idle: () => idle, enter }
}

t.test('R8: a gate that was never closed, or has dissolved, lets everything pass', t => {
  const { clock, gate, idle, enter } = bench()
  t.equal(enter('a'), 'pass')
  gate.close(millis(1_000), 0, 3)
  t.ok(gate.closed)
  clock.advance(1_000)
  t.notOk(gate.closed)
  t.equal(idle(), 1)
  t.equal(enter('b'), 'pass')
  t.equal(clock.pending, 0)
  t.end()
})

t.test('R8: waiters leave in the order they came, in steps, spread over 20 ms', t => {
  const { clock, gate, left, enter } = bench()
  gate.close(millis(1_000), 0, 2)
  for (const name of ['a', 'b', 'c', 'd', 'e']) t.equal(enter(name), 'queued')
  clock.advance(999.9)
  t.same(left, [])
  clock.advance(0.1)
  t.same(left, ['a'])
  clock.advance(10)
  t.same(left, ['a', 'b'])
  t.equal(enter('f'), 'queued', 'new arrivals stand behind')
  clock.advance(1_030)
  t.same(left, ['a', 'b', 'c', 'd'])
  t.equal(gate.waiting, 2)
  t.end()
})

t.test('R8: a lone client that was limited once waits once, however fast it goes on', t => {
  const { clock, gate, left, enter } = bench()
  gate.close(millis(1_000), 0, 0)
  t.equal(enter('repeat'), 'queued')
  clock.advance(1_000)
  t.same(left, ['repeat'])
  t.same([enter('a'), enter('b'), enter('c')], ['pass', 'pass', 'pass'])
  t.end()
})

t.test('R8: a later instant keeps the gate closed, an earlier one does not open it', t => {
  const { clock, gate, left, enter } = bench()
  gate.close(millis(1_000), 0, 5)
  enter('a')
  clock.advance(500)
  gate.close(millis(100), 0, 5)
  clock.advance(499)
  gate.close(millis(300), 0, 5)
  clock.advance(299)
  t.same(left, [])
  clock.advance(1)
  t.same(left, ['a'])
  t.end()
})

t.test('R8: a limit met in the middle of a step stops the rest of it', t => {
  const { clock, gate, left, enter } = bench()
  gate.close(millis(1_000), 0, 4)
  for (const name of ['a', 'b', 'c', 'd']) enter(name)
  clock.advance(1_005)
  t.same(left, ['a', 'b'])
  gate.close(millis(1_000), 1_001, 4)
  clock.advance(999)
  t.same(left, ['a', 'b'])
  clock.advance(21)
  t.ok(left.length > 2)
  t.end()
})

t.test('R8: a limit without a hint slows the next step down and keeps the gate alive', t => {
  const { clock, gate, left, idle, enter } = bench()
  gate.close(millis(1_000), 0, 4)
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) enter(name)
  clock.advance(1_020)
  for (let i = 0; i < 3; i++) gate.noteSuccess(1_010)
  gate.noteLimited(1_010)
  gate.noteLimited(-1)
  clock.advance(1_020)
  t.same(left.length, 7, 'four, then three')
  clock.advance(5_000)
  t.equal(idle(), 1)
  t.end()
})

t.test('R8: a waiter that leaves is not released, and makes room', t => {
  const { clock, gate, left, enter } = bench(2)
  const gone: Waiter = { dueAt: 60_000, release: () => left.push('gone') }
  gate.close(millis(1_000), 0, 5)
  gate.enter(gone)
  enter('b')
  t.same(enter('c'), { full: 1_000 })
  gate.leave(gone)
  gate.leave(gone)
  t.equal(enter('d'), 'queued')
  clock.advance(1_100)
  t.same(left, ['b', 'd'])
  t.end()
})

t.test('L2/R8: who cannot be let through before its deadline is told so at once', t => {
  const { gate, enter } = bench()
  gate.close(millis(1_000), 0, 1)
  t.same(enter('a', 999), { late: 1_000 })
  t.equal(enter('b', 1_000), 'queued')
  t.same(enter('c', 1_500), { late: 2_020 }, 'the one before it takes the first step')
  t.end()
})

t.test('R8: a hint of 0 does not make the gate spin', t => {
  const { clock, gate, left, enter } = bench()
  gate.close(millis(0), 0, 1)
  for (let i = 0; i < 9; i++) enter(String(i))
  clock.advance(900)
  t.equal(left.length, 1)
  t.end()
})

t.test('R8: a disposed gate leaves no timer', t => {
  const { clock, gate } = bench()
  gate.close(millis(1_000), 0, 1)
  gate.dispose()
  t.equal(clock.pending, 0)
  t.end()
})
