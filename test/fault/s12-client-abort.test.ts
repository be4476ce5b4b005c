import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { request, requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import { oneRoute, type Scene, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

const BODY = 'x'.repeat(1_000)
const RETRY = 'retry: { backoff: { base: 10ms, cap: 20ms }, budget: { ratio: 1, min_per_second: 1000 } }'
// With time enough for the last of a queue: its turn comes after hundreds of others at a pace still unknown.
const PATIENT = 'timeout: { total: 24h }'
const COOLDOWNS = ['off', '{ queue: 1000 }']

const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length

/** Clients whose requests are in a wait for `Retry-After`, each with a body kept for the repeat. */
async function crowdInWait(t: Test, { daemon, upstream, url }: Scene, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, (_, i) => {
    const socket = connect(daemon.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(requestBytes(`${url}/left/${i}`, { method: 'POST', body: BODY }))
    return socket
  })
  await until(() => daemon.daemon.holds().clients === count && upstream.seen.length > 0)
  // A fence: what another origin answers comes after all that was read before it.
  const other = await startUpstream(() => answer(200, 'fence'))
  t.teardown(other.close)
  for (let i = 0; i < 3; i++) await request(daemon.port, other.url)
  await until(() => daemon.daemon.holds().clients === count)
  return sockets
}

t.test('S12, L9: 500 clients that leave during a 10 s wait leave nothing behind after 50 ms', async t => {
  for (const cooldown of COOLDOWNS) {
    const yaml = oneRoute(RETRY, PATIENT, `cooldown: ${cooldown}`)
    const setting = await scene(t, () => answer(429, 'wait', 'Retry-After: 10'), yaml)
    const { upstream, daemon } = setting
    const before = timers()
    const ended: number[] = []
    for (let wave = 1; wave <= 5; wave++) {
      const sockets = await crowdInWait(t, setting, 100)
      if (cooldown === 'off') await until(() => daemon.daemon.holds().bodyMemory === 100 * BODY.length)
      const hits = upstream.seen.length
      sockets.forEach((socket, i) => {
        if (i % 2) socket.destroy()
        else socket.resetAndDestroy()
      })
      ended.push(await until(() => daemon.daemon.holds().clients === 0 && daemon.lines.length >= wave * 103))
      t.equal(daemon.daemon.holds().bodyMemory, 0, 'no body is kept')
      t.equal(upstream.seen.length, hits, 'no later hit')
    }
    // A busy machine only ever adds to it, and most while its code is new.
    t.ok(Math.min(...ended) <= 50, `cooldown ${cooldown}: each hundred ended in ${ended.map(Math.round)} ms`)
    const ends = daemon.exchanges().filter(record => record.method === 'POST')
    t.equal(ends.filter(record => record.end === 'client-gone' && record.status === 0).length, 500)
    // The gate's own timer and the fences' are all that may be left of 500 waits.
    t.ok(timers() - before <= 10, `${timers() - before} timers left`)
  }
})

/** 200 who leave while they wait, and three who come then. @returns the answers of those, and what was sent since */
async function leftAndStayed(t: Test, cooldown: string) {
  const asked = new Set<string>()
  const script: Script = seen => {
    const again = asked.has(seen.path) || (cooldown !== 'off' && seen.path.includes('stayed'))
    asked.add(seen.path)
    return again ? answer(200) : answer(429, 'wait', 'Retry-After: 2')
  }
  const setting = await scene(t, script, oneRoute(RETRY, PATIENT, `cooldown: ${cooldown}`))
  const { upstream, daemon, url } = setting
  const sockets = await crowdInWait(t, setting, 200)
  const hits = upstream.seen.length
  for (const socket of sockets) socket.resetAndDestroy()
  await until(() => daemon.daemon.holds().clients === 0)
  // They came last: their turn in the queue is after all others', and so is the end of their own waits,
  // but for the jitter of a fifth, and that is why there are several.
  const stayed = await Promise.all([1, 2, 3].map(i => request(daemon.port, `${url}/stayed/${i}`)))
  return { stayed, later: upstream.seen.slice(hits).map(seen => seen.path) }
}

t.test('S12: when the wait is over, only who stayed is sent', async t => {
  for (const cooldown of COOLDOWNS) {
    // Who leaves has a second for it: a process that is held up for longer has sent them again before it hears of it.
    const { stayed, later } = await undisturbed(() => leftAndStayed(t, cooldown), 250)
    t.same(
      stayed.map(got => got.status),
      [200, 200, 200],
    )
    t.ok(later.length >= 3)
    t.ok(
      later.every(path => path.includes('stayed')),
      `cooldown ${cooldown}: none of those who left`,
    )
  }
})

t.test('L9: a client that leaves while the upstream is thinking takes its connection along', async t => {
  const leaving = async () => {
    const { upstream, daemon, url } = await scene(t, () => undefined)
    const sockets = Array.from({ length: 100 }, (_, i) => {
      const socket = connect(daemon.port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(requestBytes(`${url}/${i}`, i % 2 ? { method: 'POST', body: BODY } : {}))
      return socket
    })
    await until(() => upstream.seen.length === 100)
    for (const socket of sockets) socket.destroy()
    const took = await until(() => daemon.daemon.holds().upstreamConnections === 0 && upstream.open() === 0)
    return { upstream, daemon, took }
  }
  const { upstream, daemon, took } = await undisturbed(leaving)
  t.ok(took <= 250, `all hundred in ${Math.round(took)} ms`)
  t.equal((await daemon.logged(100)).filter(({ end }) => end === 'client-gone').length, 100)
  t.same(daemon.daemon.holds(), { upstreamConnections: 0, bodyMemory: 0, clients: 0 })
  t.equal(upstream.seen.length, 100, 'nothing was repeated')
})
