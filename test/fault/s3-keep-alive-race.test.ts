import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { lanesTo } from '../support/client-lane.js'
import { startTestDaemon } from '../support/daemon.js'
import { seeded } from '../support/random.js'
import { oneRoute } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

// The interval between requests is the scenario here: it is the race itself, not a wait for something.

/** What may stand still meanwhile, in milliseconds, before the upstream's clock and ours disagree; and how often it is tried. */
const STALL = 250
const TRIES = 3

type Race = {
  /** When the upstream closes an idle connection, in ms. */
  readonly limit: number
  /** `Keep-Alive` as it announces that, if it does. */
  readonly announced?: string
  /** Origins, each with this many clients that ask at the same time. */
  readonly origins: number
  readonly clients: number
  readonly rounds: number
}

/** Acts on what it reads, answers, and closes the connection when that has been idle for the limit. */
function impatient({ limit, announced }: Race, effects: Map<string, number>) {
  const timers = new WeakMap<Socket, NodeJS.Timeout>()
  const script: Script = (seen, socket) => {
    const id = `${seen.header('host')}${seen.path}`
    effects.set(id, (effects.get(id) ?? 0) + 1)
    clearTimeout(timers.get(socket))
    timers.set(
      socket,
      setTimeout(() => socket.destroy(), limit),
    )
    return answer(200, seen.path, ...(announced ? [`Keep-Alive: ${announced}`] : []))
  }
  return script
}

async function run(t: Test, race: Race) {
  const effects = new Map<string, number>()
  const daemon = await startTestDaemon(oneRoute())
  const upstreams = await Promise.all(
    Array.from({ length: race.origins }, () => startUpstream(impatient(race, effects))),
  )
  t.teardown(async () => {
    for (const upstream of upstreams) await upstream.close()
    await daemon.close()
  })
  const statuses: number[] = []
  const client = async (origin: number, index: number) => {
    const random = seeded(origin * 1_000 + index)
    const [lane] = lanesTo(daemon.port, 1)
    for (let round = 0; round < race.rounds; round++) {
      const method = (round + index) % 2 ? 'POST' : 'GET'
      const url = `${upstreams[origin]?.url}/${index}/${round}`
      const got = await lane?.ask(url, method === 'POST' ? { method, body: 'x' } : {})
      statuses.push(got?.status ?? 0)
      if (round < race.rounds - 1) await pause(race.limit - 10 + Math.floor(random() * 21))
    }
    lane?.close()
  }
  const everyone: Promise<void>[] = []
  for (let o = 0; o < race.origins; o++) for (let c = 0; c < race.clients; c++) everyone.push(client(o, c))
  await Promise.all(everyone)
  const total = race.origins * race.clients * race.rounds
  const records = await daemon.logged(total)
  return { statuses, effects, records, total }
}

function check(t: Test, { statuses, effects, records, total }: Awaited<ReturnType<typeof run>>): void {
  t.equal(total, 4_000)
  t.equal(statuses.filter(status => status !== 200).length, 0, 'no client sees a failure')
  t.equal(effects.size, total)
  t.equal([...effects.values()].filter(count => count > 1).length, 0, 'nothing acted twice')
  const posts = records.filter(record => record.method === 'POST')
  t.equal(posts.length, total / 2)
  t.ok(
    posts.every(({ attempts }) => attempts.length === 1),
    'no POST met a dying socket',
  )
}

t.test('S3: the keep-alive race is never seen by a client', { jobs: 2 }, async t => {
  t.test('R3: when the upstream does not say when it closes', { buffered: true }, async t => {
    // R3 trusts a socket for a second. The rest of the limit is for a busy machine: all three parties share a process.
    const result = await undisturbed(() => run(t, { limit: 1_400, origins: 20, clients: 25, rounds: 8 }), STALL, TRIES)
    check(t, result)
    const raced = result.records.filter(({ attempts }) => attempts[0]?.why === 'stale-connection')
    t.ok(raced.length > 0, `the race took place, ${raced.length} times, and was repeated`)
    t.ok(
      raced.every(({ method, attempts }) => method === 'GET' && attempts.length === 2),
      'once each, for GETs only',
    )
  })
  t.test('R3: when it announces that', { buffered: true }, async t => {
    const race = { limit: 2_000, announced: 'timeout=2, max=1000', origins: 20, clients: 40, rounds: 5 }
    const result = await undisturbed(() => run(t, race), STALL, TRIES)
    check(t, result)
    t.ok(
      result.records.every(({ attempts }) => attempts.length === 1),
      'no socket is used so close to its announced end',
    )
  })
})
