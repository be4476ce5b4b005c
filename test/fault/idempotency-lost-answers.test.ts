import t, { type Test } from 'tap'
import type { Answer } from '../support/client.js'
import { lanesFor, problemOf } from '../support/client-lane.js'
import { committing, type Losses, type Operation } from '../support/committing-upstream.js'
import { crowd } from '../support/crowd.js'
import { JSON_TYPE, keyedScene, NO_CEILING } from '../support/keyed-scene.js'
import { undisturbed } from '../support/undisturbed.js'

const LANES = 64
/** What the fault rates need: more repeats than the budget of a healthy origin pays, and no breaker that trips on luck. */
const GENEROUS = [
  'breaker: off',
  'retry: { attempts: 5, backoff: { base: 1ms, cap: 5ms }, budget: { ratio: 1, min_per_second: 1000 } }',
]
/** Of all attempts: 23 % lose their answer before its head, 5 % within its body, 2 % by silence. */
const LOSSES = { resets: 0.23, breaks: 0.05, hangs: 0.02, most: 3 }
/** Silence is rare and waited out for long, so that a busy machine is not taken for it. */
const PATIENT = 'timeout: { total: 30s, per_try: 2s }'
/** A machine that stands still for longer than this, in milliseconds, would be. */
const STALL = 1_000
/** What a client does by itself when an answer breaks off, as SDKs do. */
const CLIENT_REPEATS = 3

async function play(t: Test, losses: Losses, lines: readonly string[]) {
  t.comment(`seed ${losses.seed}`)
  const { script, operations } = committing(losses)
  const scene = await keyedScene(t, script, [...GENEROUS, ...lines])
  const lanes = lanesFor(t, scene.daemon.port, LANES)
  const ask = (lane: number, path: string, body: string, ...fields: string[]): Promise<Answer> => {
    const options = { method: 'POST', body, fields: [JSON_TYPE, ...fields] }
    return (lanes[lane] as (typeof lanes)[0]).ask(`${scene.upstream.url}${path}`, options)
  }
  const total = (of: (operation: Operation) => number) =>
    [...operations.values()].reduce((sum, operation) => sum + of(operation), 0)
  return { ...scene, operations, ask, total }
}

const seedOf = (fallback: number): number => Number(process.env['SEED'] ?? fallback)

t.test('I1, I3: of 10,000 keyed POSTs with 30 % of the answers lost, each is done once, and none fails', async t => {
  const count = 10_000
  const lines = [PATIENT, 'idempotency: { inject: uuid4, upstream: replay }']
  const { ask, operations, total, daemon } = await play(t, { ...LOSSES, seed: seedOf(51), dedups: true }, lines)
  let repeats = 0
  // L8: an answer that breaks off after its head went out is the client's to ask for again, and it says that it does (R11).
  const untilWhole = async (i: number, lane: number) => {
    for (let tries = 0; ; tries++) {
      const got = await ask(lane, `/${i}`, `{"order":${i}}`, `x-stainless-retry-count: ${tries}`)
      if (!got.broken || tries === CLIENT_REPEATS) return got
      repeats++
    }
  }
  const answers = await crowd(count, LANES, untilWhole)
  const failed = answers.filter(({ status, broken }) => broken || status !== 201)
  const attempts = total(operation => operation.attempts) / count
  const broken = total(({ losses }) => losses)
  t.comment(
    `${broken} answers lost, ${repeats} of them asked for again by the client; ${attempts} attempts per operation`,
  )
  t.equal(failed.length, 0, 'client failures')
  t.equal(operations.size, count)
  t.equal(
    total(operation => operation.effects),
    count,
    'created',
  )
  t.ok(
    [...operations.values()].every(({ effects, keys }) => effects === 1 && keys.size === 1),
    'each once, and under one key',
  )
  t.equal(new Set([...operations.values()].flatMap(({ keys }) => [...keys])).size, count, 'no key of another')
  t.ok(attempts <= 1.45, `attempts per operation: ${attempts}`)
  t.ok(attempts >= 1.35, 'the answers were lost indeed')
  t.equal(daemon.daemon.holds().bodyMemory, 0)
})

t.test('I1: of 1,000 batches of 100 with 10 % of the answers lost come exactly 100,000 items', async t => {
  const batch = JSON.stringify(Array.from({ length: 100 }, (_, i) => ({ item: i })))
  const lines = ['idempotency: { inject: uuid4, upstream: replay }']
  const { ask, total } = await play(t, { seed: seedOf(52), resets: 0.1, dedups: true }, lines)
  const answers = await crowd(1_000, LANES, (i, lane) => ask(lane, `/batch-${i}`, batch))
  t.equal(answers.filter(({ status }) => status === 201).length, 1_000)
  t.equal(
    total(({ items }) => items),
    100_000,
  )
  t.ok(total(({ losses }) => losses) > 60)
})

t.test(
  'R1: where the upstream knows no keys, nothing is done twice, and each lost answer is told as unknown',
  async t => {
    const count = 2_000
    const { operations, total, answers } = await undisturbed(
      async () => {
        const all = await play(t, { ...LOSSES, seed: seedOf(53), dedups: false }, [PATIENT])
        const answers = await crowd(count, LANES, (i, lane) => all.ask(lane, `/${i}`, `{"order":${i}}`))
        return { ...all, answers }
      },
      STALL,
      3,
    )
    t.equal(
      total(({ effects }) => effects),
      count,
    )
    t.ok([...operations.values()].every(({ attempts }) => attempts === 1))
    const told = new Set(answers.map((got, i) => `${operations.get(`/${i}`)?.lost}: ${whatItSays(got)}`))
    // L8: the head had gone out; the client sees the transfer break.
    t.same([...told].sort(), ['break: broken', 'hang: 504 unknown', 'reset: 502 unknown', 'undefined: 201'])
  },
)

t.test(
  'I6, I12: there, a repeat with the key of a lost answer is blocked, and of any other gets its answer',
  async t => {
    const count = 2_000
    const lines = [PATIENT, `idempotency: { replay: { ${NO_CEILING} } }`]
    const { operations, total, answers } = await undisturbed(
      async () => {
        const all = await play(t, { ...LOSSES, seed: seedOf(54), dedups: false }, lines)
        const twice = async (i: number, lane: number) => {
          const field = `Idempotency-Key: order-${i}-abcdefgh`
          const first = await all.ask(lane, `/${i}`, `{"order":${i}}`, field)
          return [first, await all.ask(lane, `/${i}`, `{"order":${i}}`, field)] as const
        }
        return { ...all, answers: await crowd(count, LANES, twice) }
      },
      STALL,
      3,
    )
    t.equal(
      total(({ effects }) => effects),
      count,
      'nothing is done twice',
    )
    const told = new Set(
      answers.map(([first, second], i) => {
        const marked = second.header('idempotent-replayed') === 'true' ? ' replayed' : ''
        return `${operations.get(`/${i}`)?.lost}: ${whatItSays(first)}, ${whatItSays(second)}${marked}`
      }),
    )
    t.same([...told].sort(), [
      'break: broken, 409 unknown',
      'hang: 504 unknown, 409 unknown',
      'reset: 502 unknown, 409 unknown',
      'undefined: 201, 201 replayed',
    ])
  },
)

function whatItSays(answer: Answer): string {
  if (answer.broken) return 'broken'
  return answer.status === 201 ? '201' : `${answer.status} ${String(problemOf(answer)['outcome'])}`
}
