import t from 'tap'
import { lanesTo, problemOf } from '../support/client-lane.js'
import { crowd } from '../support/crowd.js'
import { seeded } from '../support/random.js'
import { oneRoute, scene } from '../support/scene.js'
import { answer, type Script } from '../support/upstream.js'

const REQUESTS = 2_000
const LANES = 50

/** Creates what is asked for, and then loses 30 % of the answers: by a reset, a close, or in the middle of the head. */
function committer(seed: number) {
  const random = seeded(seed)
  const effects = new Map<string, number>()
  const lost = new Set<string>()
  const script: Script = (seen, socket) => {
    effects.set(seen.path, (effects.get(seen.path) ?? 0) + 1)
    const dice = random()
    if (dice >= 0.3) return answer(201, seen.path)
    lost.add(seen.path)
    if (dice < 0.1) socket.destroy()
    else if (dice < 0.2) socket.resetAndDestroy()
    else socket.end('HTTP/1.1 201 Cre')
    return undefined
  }
  return { script, effects, lost }
}

t.test('S1: of 2,000 unkeyed POSTs with 30 % of the answers lost after the commit, none acts twice', async t => {
  const { script, effects, lost } = committer(1)
  const { upstream, daemon } = await scene(t, script, oneRoute('breaker: off'))
  const lanes = lanesTo(daemon.port, LANES)
  const answers = await crowd(REQUESTS, LANES, (i, lane) =>
    (lanes[lane] as (typeof lanes)[0]).ask(`${upstream.url}/${i}`, { method: 'POST', body: `item ${i}` }),
  )
  for (const lane of lanes) lane.close()

  t.equal(upstream.seen.length, REQUESTS, 'every request was sent exactly once')
  t.equal(effects.size, REQUESTS)
  t.equal(Math.max(...effects.values()), 1, 'no effect happened twice')
  const failed = answers.filter(got => got.status !== 201)
  t.equal(failed.length, lost.size)
  t.ok(lost.size > 500 && lost.size < 700, `about 30 % were lost: ${lost.size}`)
  t.ok(
    answers.every((got, i) => (got.status === 201) === !lost.has(`/${i}`)),
    'an answer that was given arrives',
  )
  const problems = failed.map(got => ({ status: got.status, outcome: problemOf(got)['outcome'] }))
  t.same(
    problems,
    Array(lost.size).fill({ status: 502, outcome: 'unknown' }),
    'every failure says that it may have acted',
  )
  t.ok(
    failed.every(got => got.header('x-should-retry') === 'false'),
    'and asks SDKs not to repeat it',
  )
  const records = await daemon.logged(REQUESTS)
  t.ok(records.every(({ attempts }) => attempts.length === 1))
})

t.test('S1: the same losses are made good for 1,000 GETs and PUTs', async t => {
  const { script, lost } = committer(2)
  // Which ones are lost follows from the order in which they come: of 8 attempts of a request it is all, in one run of 200.
  const generous =
    'retry: { attempts: 20, backoff: { base: 1ms, cap: 1ms }, budget: { ratio: 1, min_per_second: 1000 } }'
  const { upstream, daemon } = await scene(t, script, oneRoute(generous, 'breaker: off'))
  const lanes = lanesTo(daemon.port, LANES)
  const answers = await crowd(1_000, LANES, (i, lane) =>
    (lanes[lane] as (typeof lanes)[0]).ask(`${upstream.url}/${i}`, i % 2 ? { method: 'PUT', body: `item ${i}` } : {}),
  )
  for (const lane of lanes) lane.close()
  t.ok(lost.size > 250)
  t.equal(answers.filter(got => got.status === 201).length, 1_000)
})
