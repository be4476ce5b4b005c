import t, { type Test } from 'tap'
import { Readiness } from '../../../src/admin/readiness.js'
import { NO_LOAD } from '../../../src/metrics/load.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import type { Store } from '../../../src/store/store.js'
import { ManualClock } from '../../support/clock.js'
import { managed, serving } from '../../support/managed.js'

/** Readiness over one store that answers when it is told to. */
function rig(t: Test) {
  const clock = new ManualClock()
  const waiting: ((value: Buffer | undefined) => void)[] = []
  const get: Store['get'] = () => new Promise(resolve => waiting.push(resolve))
  const claims = { ...memoryStore(clock), get }
  const readiness = new Readiness(managed(t.testdir({}), { stores: () => ({ claims, ledger: undefined }) }), clock)
  return { clock, waiting, readiness }
}

t.test('a store that takes longer than a second is a problem, until it answers again', async t => {
  const { clock, waiting, readiness } = rig(t)
  const late = readiness.answer()
  await clock.advanceAsync(1_000)
  t.same(await late, { status: 'not-ready', problems: ['the store of the claims takes longer than 1s'] })
  const good = readiness.answer()
  await clock.advanceAsync(0)
  for (const tell of waiting) tell(undefined)
  t.same(await good, { status: 'ready', problems: [] })
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('a store is asked at most once a second, however many probes there are', async t => {
  const { clock, waiting, readiness } = rig(t)
  const many = Promise.all(Array.from({ length: 50 }, () => readiness.answer()))
  await clock.advanceAsync(10)
  t.equal(waiting.length, 1)
  waiting[0]?.(undefined)
  for (const { status } of await many) t.equal(status, 'ready')
  await clock.advanceAsync(900)
  await readiness.answer()
  t.equal(waiting.length, 1)
  await clock.advanceAsync(90)
  const next = readiness.answer()
  await clock.advanceAsync(0)
  t.equal(waiting.length, 2)
  waiting[1]?.(undefined)
  t.match(await next, { status: 'ready' })
})

t.test('workers that do not serve are a problem, but not those that end as it drains', async t => {
  const state = t.testdir({})
  let missing = 1
  let draining = false
  const load = async () => ({ ...NO_LOAD, draining })
  const crew = { workers: () => 3, missing: () => missing, serving: serving({ load }) }
  const readiness = new Readiness(managed(state, crew), new ManualClock())
  t.same(await readiness.answer(), {
    status: 'not-ready',
    problems: ['2 of 3 workers serve: see what the log says of the others'],
  })
  draining = true
  t.match(await readiness.answer(), { status: 'draining', problems: { length: 1 } })
  draining = false
  missing = 0
  t.match(await readiness.answer(), { status: 'ready' })
})
