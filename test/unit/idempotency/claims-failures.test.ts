import t from 'tap'
import type { Opened } from '../../../src/idempotency/asked.js'
import type { Claim } from '../../../src/idempotency/claim.js'
import { claimKey } from '../../../src/idempotency/claim-record.js'
import { Claims } from '../../../src/idempotency/claims.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import { answer, asked, FickleStore, short } from '../../support/claims-rig.js'
import { ManualClock } from '../../support/clock.js'

function rig() {
  const clock = new ManualClock()
  const memory = memoryStore(clock)
  const store = new FickleStore(memory)
  const lost: string[] = []
  const claims = new Claims(store, clock, 'one', error => lost.push(error.trouble))
  const other = new Claims(memory, clock, 'two')
  const told: string[] = []
  const held: Claim[] = []
  const listen = (name: string) => (opened: Opened) => {
    told.push(`${name} ${short(opened)}`)
    if (opened.kind === 'claimed') held.push(opened.claim)
  }
  return { clock, store, memory, claims, other, held, lost, listen, take: () => told.splice(0) }
}

const step = (clock: ManualClock, ms = 0) => clock.advanceAsync(ms)

t.test(
  'nothing may be sent when the store fails before the claim, and the key is free when it works again',
  async t => {
    const { clock, store, claims, other, listen, take, lost } = rig()
    for (const how of ['full', 'before', 'after'] as const) {
      store.fails = () => how
      claims.open(asked(how), listen(how))
      claims.open(asked(how), listen(how))
      await step(clock)
      claims.open(asked(how), listen(how))
      await step(clock)
      store.fails = () => 'no'
      await step(clock, 1_000)
      other.open(asked(how), listen(how))
      await step(clock)
      const trouble = how === 'full' ? 'full' : 'unreachable'
      t.strictSame(take(), [...Array(3).fill(`${how} store-failed ${trouble}`), `${how} claimed`])
    }
    t.strictSame(lost, [], 'a claim that was made all the same was undone')
  },
)

t.test('an answer that cannot be written goes to those who wait, and is written when the store is back', async t => {
  const { clock, store, claims, other, held, listen, take } = rig()
  claims.open(asked('k'), listen('a'))
  claims.open(asked('k'), listen('b'))
  await step(clock)
  store.fails = () => 'before'
  held[0]?.complete(201, answer('x'))
  await step(clock, 5_000)
  claims.open(asked('k'), listen('c'))
  claims.open(asked('k', { payload: 'b' }), listen('d'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b replay x', 'c replay x', 'd reused'])
  store.fails = () => 'no'
  await step(clock, 1_000)
  other.open(asked('k'), listen('e'))
  await step(clock)
  t.strictSame(take(), ['e replay x'])
  t.equal(clock.pending, 0)
})

t.test(
  'I12: an end that cannot be written while the lease lasts leaves the claim uncertain, and that is told',
  async t => {
    const { clock, store, claims, held, listen, take, lost } = rig()
    claims.open(asked('k', { dueAt: 1_000 }), listen('a'))
    await step(clock)
    store.fails = () => 'before'
    held[0]?.release(undefined)
    await step(clock, 20_000)
    claims.open(asked('k'), listen('b'))
    await step(clock, 12_000)
    t.strictSame(lost, ['unreachable'])
    t.equal(clock.pending, 0, 'no retry goes on for ever')
    store.fails = () => 'no'
    claims.open(asked('k'), listen('c'))
    await step(clock)
    t.strictSame(take(), ['a claimed', 'b store-failed unreachable', 'c unknown'])
  },
)

t.test('I10: an answer without room in the store is not kept, and the key remembers that it completed', async t => {
  const { clock, store, claims, other, held, listen, take, lost } = rig()
  claims.open(asked('k'), listen('a'))
  await step(clock)
  let full = 1
  store.fails = () => (full-- > 0 ? 'full' : 'no')
  held[0]?.complete(201, answer('x'))
  await step(clock)
  other.open(asked('k'), listen('b'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b no-body 201'])
  t.strictSame(lost, [])
})

t.test(
  'I10: an answer that was dropped from the store is told as such, and fetched again where that is safe',
  async t => {
    const { clock, memory, claims, held, listen, take } = rig()
    claims.open(asked('k'), listen('a'))
    await step(clock)
    held[0]?.complete(201, answer('x'))
    await step(clock)
    const key = `answer/${asked('k').lookup}`
    await memory.update([key], () => ({ result: undefined, deletes: [key] }))
    claims.open(asked('k'), listen('b'))
    await step(clock)
    claims.open(asked('k', { uncertain: 'resume' }), listen('c'))
    await step(clock)
    t.strictSame(take(), ['a claimed', 'b no-body 201', 'c resumed'])
  },
)

t.test('a record that cannot be read keeps its key closed', async t => {
  const { clock, memory, claims, listen, take } = rig()
  for (const [key, value] of Object.entries({ garbage: '{}', later: '\u0002[]', short: '\u0001["open"]', empty: '' })) {
    const put = { key: claimKey(asked(key).lookup), value: Buffer.from(value), expiresAt: Number.POSITIVE_INFINITY }
    await memory.update([put.key], () => ({ result: undefined, puts: [put] }))
    claims.open(asked(key), listen(key))
    await step(clock)
    t.strictSame(take(), [`${key} store-failed broken`])
  }
})

t.test('an answer of an earlier claim is never given for a later one', async t => {
  const { clock, memory, claims, held, listen, take } = rig()
  claims.open(asked('k'), listen('a'))
  await step(clock)
  held[0]?.complete(201, answer('old'))
  await step(clock)
  const { lookup } = asked('k')
  await memory.update([claimKey(lookup)], () => ({ result: undefined, deletes: [claimKey(lookup)] }))
  claims.open(asked('k', { payload: 'b' }), listen('b'))
  await step(clock)
  held[1]?.complete(204, undefined)
  await step(clock)
  claims.open(asked('k', { payload: 'b' }), listen('c'))
  await step(clock)
  t.strictSame(take(), ['a claimed', 'b claimed', 'c no-body 204'])
})

t.test('I12: closing tells those who wait, writes what has ended, and leaves what runs uncertain', async t => {
  const { clock, claims, other, held, listen, take } = rig()
  claims.open(asked('k'), listen('k'))
  claims.open(asked('l'), listen('l'))
  claims.open(asked('l'), listen('l'))
  await step(clock)
  held[0]?.complete(200, answer('x'))
  await claims.close()
  t.equal(clock.pending, 0)
  await step(clock, 4_000)
  for (const key of ['k', 'l']) other.open(asked(key), listen(key))
  await step(clock)
  t.strictSame(take(), ['k claimed', 'l claimed', 'l store-failed unreachable', 'k replay x', 'l unknown'])
})

t.test('I6: of 100 that ask for each of 1,000 keys one executes, and all get the same bytes', async t => {
  const clock = new ManualClock()
  const claims = new Claims(memoryStore(clock), clock, 'one')
  const rules = { rate: { per_second: 1_000, burst: 2_000 } }
  const bodies = new Map<string, Set<string>>()
  const running: (() => void)[] = []
  const later: string[] = []
  let executed = 0
  let repeats = 0
  const ask = (key: string) =>
    claims.open(asked(key, { rules, dueAt: clock.monotonic() + 60_000 }), opened => {
      if (opened.kind === 'claimed') {
        const body = `${key} ${++executed}`
        running.push(() => opened.claim.complete(201, answer(body)))
      } else if (opened.kind === 'in-flight') later.push(key)
      else if (opened.kind === 'replay') {
        repeats++
        const seen = bodies.get(key) ?? new Set()
        bodies.set(key, seen.add(opened.answer.body.toString('hex')))
      } else t.fail(short(opened))
    })
  for (let i = 0; i < 100; i++) for (let key = 0; key < 1_000; key++) ask(`key ${key}`)
  await clock.advanceAsync(0)
  t.equal(later.length, 99_000 - 1_024, 'those without a seat come back')
  while (running.length > 0 || later.length > 0) {
    for (const end of running.splice(0, 300)) end()
    for (const key of later.splice(0)) ask(key)
    await clock.advanceAsync(1_000)
  }
  t.equal(executed, 1_000)
  t.equal(repeats, 99_000)
  t.ok([...bodies.values()].every(seen => seen.size === 1))
  t.equal(clock.pending, 0)
})
