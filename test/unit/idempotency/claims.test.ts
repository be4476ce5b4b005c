import t from 'tap'
import type { Opened } from '../../../src/idempotency/asked.js'
import type { Claim } from '../../../src/idempotency/claim.js'
import { Claims } from '../../../src/idempotency/claims.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import { answer, asked, FickleStore, short } from '../../support/claims-rig.js'
import { ManualClock } from '../../support/clock.js'

/** Two processes on one store. */
function rig() {
  const clock = new ManualClock()
  const store = new FickleStore(memoryStore(clock))
  const lost: string[] = []
  const claims = new Claims(store, clock, 'one', error => lost.push(error.trouble))
  const other = new Claims(store, clock, 'two')
  const told: string[] = []
  const held: Claim[] = []
  const listen = (name: string) => (opened: Opened) => {
    told.push(`${name} ${short(opened)}`)
    if (opened.kind === 'claimed') held.push(opened.claim)
  }
  return { clock, store, claims, other, told, held, lost, listen, take: () => told.splice(0) }
}

const step = (clock: ManualClock, ms = 0) => clock.advanceAsync(ms)

t.test('I6: the first with a key claims it, one with the same payload waits for its answer', async t => {
  const { clock, claims, held, listen, take } = rig()
  claims.open(asked('k'), listen('a'))
  t.strictSame(take(), [], 'nobody is told before open has returned')
  await step(clock)
  claims.open(asked('k'), listen('b'))
  await step(clock, 5_000)
  t.strictSame(take(), ['a claimed'])
  held[0]?.complete(201, answer('x'))
  await step(clock)
  claims.open(asked('k'), listen('c'))
  await step(clock)
  t.strictSame(take(), ['b replay x', 'c replay x'])
  t.equal(clock.pending, 0, 'no timer is left when nothing is open')
})

t.test('I5: another payload is refused at once, while the first runs and when it is done', async t => {
  const { clock, claims, other, held, listen, take } = rig()
  claims.open(asked('k'), listen('a'))
  claims.open(asked('k', { payload: 'b' }), listen('b'))
  await step(clock)
  other.open(asked('k', { payload: 'b' }), listen('c'))
  await step(clock)
  held[0]?.complete(201, answer('x'))
  await step(clock)
  claims.open(asked('k', { payload: 'b' }), listen('d'))
  other.open(asked('k', { payload: 'b' }), listen('e'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b reused', 'c reused', 'd reused', 'e reused'])
})

t.test('I6: another process waits for the answer too, and claims when the key was released', async t => {
  const { clock, claims, other, held, listen, take } = rig()
  claims.open(asked('k'), listen('a'))
  claims.open(asked('l'), listen('b'))
  await step(clock)
  other.open(asked('k'), listen('c'))
  other.open(asked('l'), listen('d'))
  other.open(asked('l'), listen('e'))
  await step(clock, 2_000)
  t.strictSame(take(), ['a claimed', 'b claimed'])
  held[0]?.complete(200, answer('x'))
  held[1]?.release(undefined)
  await step(clock, 1_000)
  t.strictSame(take(), ['c replay x', 'd claimed'], 'one of those who waited claims, the other waits on')
  held[2]?.complete(200, answer('y'))
  await step(clock)
  t.strictSame(take(), ['e replay y'])
  t.equal(clock.pending, 0)
})

t.test('I7: a released answer goes to those who waited and to nobody later', async t => {
  const { clock, claims, held, listen, take } = rig()
  claims.open(asked('k'), listen('a'))
  claims.open(asked('k'), listen('b'))
  await step(clock)
  held[0]?.release({ ...answer('slow down', 429), fields: ['Retry-After', '3', 'Set-Cookie', 'a=b'] })
  held[0]?.complete(200, answer('too late'))
  claims.open(asked('k'), listen('c'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b shared slow down', 'c claimed'])
})

t.test(
  'I13: neither a cookie nor a field that tells of the moment is kept, and a replay is the same everywhere',
  async t => {
    const { clock, claims, other, held } = rig()
    const answers: Opened[] = []
    const keep = (opened: Opened) => {
      answers.push(opened)
      if (opened.kind === 'claimed') held.push(opened.claim)
    }
    claims.open(asked('k'), keep)
    claims.open(asked('k'), keep)
    await step(clock)
    const fields = [
      'Content-Type',
      'a/b',
      'Set-Cookie',
      'c=d',
      'Date',
      'now',
      'Retry-After',
      '1',
      'LOCATION',
      '/1',
      'X-Own',
      '1',
    ]
    held[0]?.complete(201, { status: 201, reason: 'Made', fields, body: Buffer.from([0, 255, 10]) })
    claims.open(asked('k'), keep)
    await step(clock)
    claims.open(asked('k'), keep)
    other.open(asked('k'), keep)
    await step(clock)
    const kept = {
      status: 201,
      reason: 'Made',
      fields: ['Content-Type', 'a/b', 'LOCATION', '/1'],
      body: Buffer.from([0, 255, 10]),
    }
    t.strictSame(answers.slice(1), Array(4).fill({ kind: 'replay', answer: kept }))
  },
)

t.test(
  'I10: an answer too large to keep is not given again: a repeat is told so, or sent where that is safe',
  async t => {
    const { clock, claims, other, held, listen, take } = rig()
    claims.open(asked('k'), listen('a'))
    claims.open(asked('k'), listen('b'))
    await step(clock)
    held[0]?.complete(202, undefined)
    await step(clock)
    other.open(asked('k'), listen('c'))
    other.open(asked('k', { uncertain: 'allow' }), listen('d'))
    await step(clock)
    other.open(asked('k', { uncertain: 'resume' }), listen('e'))
    await step(clock)
    t.strictSame(take(), ['a claimed', 'b no-body 202', 'c no-body 202', 'd no-body 202', 'e resumed'])
  },
)

t.test('I12: an uncertain claim blocks its key, or is taken over by one at a time', async t => {
  const { clock, claims, other, held, listen, take } = rig()
  for (const key of ['k', 'l']) claims.open(asked(key), listen(key))
  claims.open(asked('k'), listen('waits'))
  await step(clock)
  for (const claim of held) claim.uncertain()
  await step(clock)
  t.strictSame(take(), ['k claimed', 'l claimed', 'waits unknown'])
  other.open(asked('k'), listen('block'))
  other.open(asked('l', { uncertain: 'resume' }), listen('resume'))
  await step(clock)
  claims.open(asked('l', { uncertain: 'resume' }), listen('resume too'))
  await step(clock, 1_000)
  t.strictSame(take(), ['block unknown', 'resume resumed'])
  held[2]?.complete(200, answer('x'))
  await step(clock, 1_000)
  t.strictSame(take(), ['resume too replay x'])
})

t.test('I12: what a dead process had open is uncertain within 4 seconds, what a living one has is not', async t => {
  const { clock, claims, other, listen, take } = rig()
  claims.open(asked('k', { dueAt: 600_000 }), listen('a'))
  await step(clock, 20_000)
  other.open(asked('k', { dueAt: 600_000 }), listen('b'))
  await step(clock, 20_000)
  t.strictSame(take(), ['a claimed'])
  // Without a beat, and without a farewell.
  await claims.close()
  await step(clock, 4_000)
  t.strictSame(take(), ['b unknown'])
})

t.test(
  'I12: a claim that nobody ended is uncertain 30 s after its deadline, and its late end writes nothing',
  async t => {
    const { clock, claims, other, held, listen, take } = rig()
    claims.open(asked('k', { dueAt: 10_000 }), listen('a'))
    await step(clock, 39_000)
    other.open(asked('k', { dueAt: 60_000 }), listen('b'))
    await step(clock, 3_000)
    t.strictSame(take(), ['a claimed', 'b unknown'])
    other.open(asked('k', { uncertain: 'resume', dueAt: 100_000 }), listen('c'))
    await step(clock)
    held[0]?.complete(200, answer('late'))
    await step(clock)
    other.open(asked('k', { rules: { in_flight: 'reject' } }), listen('d'))
    await step(clock)
    t.strictSame(take(), ['c resumed', 'd in-flight 30'], 'the claim that was taken over is still in flight')
  },
)

t.test('I12: a claim taken over elsewhere cannot be ended by its old owner', async t => {
  const { clock, store, claims, other, held, listen, take } = rig()
  claims.open(asked('k', { dueAt: 600_000 }), listen('a'))
  await step(clock)
  // Its heart stops for the store, but the process runs on.
  store.fails = keys => (keys[0] === 'instance/one' ? 'before' : 'no')
  await step(clock, 5_000)
  other.open(asked('k', { uncertain: 'resume', dueAt: 600_000 }), listen('b'))
  await step(clock)
  for (const end of ['complete', 'late'] as const) {
    if (end === 'complete') held[0]?.complete(200, answer('old'))
    else held[1]?.complete(200, answer('new'))
    await step(clock)
  }
  claims.open(asked('k'), listen('c'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b resumed', 'c replay new'])
})

t.test('I6: nobody waits longer than 30 s or its own deadline, and whoever leaves is told nothing', async t => {
  const { clock, claims, other, listen, take } = rig()
  claims.open(asked('k', { dueAt: 600_000 }), listen('a'))
  await step(clock)
  take()
  claims.open(asked('k', { dueAt: 600_000 }), listen('long'))
  claims.open(asked('k', { dueAt: 5_000 }), listen('short'))
  other.open(asked('k', { dueAt: 600_000 }), listen('elsewhere'))
  claims.open(asked('k', { rules: { in_flight: 'reject' } }), listen('reject'))
  const leave = claims.open(asked('k'), listen('leaves'))
  await step(clock, 1_000)
  leave()
  t.strictSame(take(), ['reject in-flight 1'])
  await step(clock, 5_000)
  t.strictSame(take(), ['short in-flight 5'])
  await step(clock, 23_900)
  t.strictSame(take(), [])
  await step(clock, 200)
  t.strictSame(take().sort(), ['elsewhere in-flight 30', 'long in-flight 30'])
})

t.test('I6: 256 wait for one key, 1,024 for all, and the rest is told to come back', async t => {
  const { clock, claims, listen, take } = rig()
  for (let key = 0; key < 70; key++) claims.open(asked(`k${key}`), listen('first'))
  await step(clock)
  take()
  for (let i = 0; i < 260; i++) claims.open(asked('k0'), listen('same'))
  await step(clock)
  t.strictSame(take(), Array(4).fill('same in-flight 1'))
  for (let key = 1; key < 70; key++) for (let i = 0; i < 16; i++) claims.open(asked(`k${key}`), listen('all'))
  await step(clock)
  t.equal(take().length, 256 + 69 * 16 - 1_024)
})

t.test('a claim is undone when its asker left before it was made or told', async t => {
  const { clock, store, claims, other, listen, take } = rig()
  let resolve = () => {}
  store.gate = new Promise(done => {
    resolve = done
  })
  const leave = claims.open(asked('k'), listen('a'))
  claims.open(asked('k'), listen('b'))
  leave()
  resolve()
  await step(clock)
  t.strictSame(take(), ['b claimed'])
  store.gate = undefined
  const leaveLater = claims.open(asked('l'), listen('c'))
  // The store has answered by then, and nobody was told.
  await Promise.resolve()
  leaveLater()
  await step(clock)
  other.open(asked('l'), listen('d'))
  await step(clock)
  t.strictSame(take(), ['d claimed'])
})

t.test('I11: only new claims count for the ceiling, and a refused key runs later', async t => {
  const { clock, claims, held, listen, take } = rig()
  const rules = { rate: { per_second: 1, burst: 2 } }
  for (const key of ['a', 'b', 'c', 'a', 'b']) claims.open(asked(key, { rules }), listen(key))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b claimed', 'c insert-rate 1'])
  for (const claim of held) claim.complete(200, answer('x'))
  await step(clock)
  claims.open(asked('a', { rules }), listen('a'))
  await step(clock, 1_000)
  t.strictSame(take(), ['a replay x', 'b replay x', 'a replay x'])
  claims.open(asked('c', { rules }), listen('c'))
  await step(clock)
  t.strictSame(take(), ['c claimed'])
})

t.test('a key is free again when its time is over, counted from the claim', async t => {
  const { clock, claims, held, listen, take } = rig()
  const rules = { ttl: 60_000 as never }
  claims.open(asked('k', { rules }), listen('a'))
  await step(clock, 50_000)
  held[0]?.complete(200, answer('x'))
  await step(clock, 9_000)
  claims.open(asked('k', { rules }), listen('b'))
  await step(clock, 1_000)
  claims.open(asked('k', { rules }), listen('c'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b replay x', 'c claimed'])
})

t.test(
  'duplicates of an open claim cost nothing in the store; a claim costs an update, and so does its end',
  async t => {
    const { clock, store, claims, held, listen } = rig()
    claims.open(asked('k'), listen('a'))
    for (let i = 0; i < 10; i++) claims.open(asked('k'), listen('b'))
    await step(clock)
    held[0]?.complete(200, answer('x'))
    await step(clock)
    t.equal(store.updates, 2)
  },
)

t.test('I10: a claim whose answer has begun outlasts its lease, and what came of it is kept', async t => {
  const { clock, claims, other, held, listen, take } = rig()
  claims.open(asked('k', { dueAt: 1_000 }), listen('a'))
  claims.open(asked('l', { dueAt: 1_000 }), listen('b'))
  await step(clock)
  held[0]?.begin()
  await step(clock, 120_000)
  const dueAt = clock.monotonic() + 60_000
  claims.open(asked('k', { dueAt }), listen('c'))
  claims.open(asked('l', { dueAt }), listen('d'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b claimed', 'd unknown'])
  held[0]?.complete(200, answer('x'))
  await step(clock)
  other.open(asked('k', { dueAt }), listen('e'))
  await step(clock)
  t.strictSame(take(), ['c replay x', 'e replay x'])
  held[1]?.complete(200, answer('y'))
  await step(clock)
  t.equal(clock.pending, 0)
})
