import t from 'tap'
import { lanesTo } from '../support/client-lane.js'
import { crowd, until } from '../support/crowd.js'
import { oneRoute, scene } from '../support/scene.js'
import { answer, type Script } from '../support/upstream.js'

const MANY = 10_000
const LANES = 100
/** Idle sockets that are kept per origin. */
const POOL = 256

t.test('L7: 10,000 requests refused and repeated leave no more sockets than the pool keeps', async t => {
  const asked = new Set<string>()
  const refusals = [
    answer(503, 'busy'),
    answer(429, 'e'.repeat(3_000), 'Content-Type: text/plain'),
    'HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n',
    answer(500),
  ]
  const script: Script = seen => {
    if (asked.has(seen.path)) return answer(200, seen.path)
    asked.add(seen.path)
    return refusals[asked.size % refusals.length]
  }
  const retry = 'retry: { backoff: { base: 10ms, cap: 10ms }, budget: { ratio: 1, min_per_second: 1000 } }'
  const { upstream, daemon, url } = await scene(t, script, oneRoute(retry, 'breaker: off', 'cooldown: off'))
  const lanes = lanesTo(daemon.port, LANES)
  let most = 0
  const answers = await crowd(MANY, LANES, async (i, lane) => {
    const got = await lanes[lane]?.ask(`${url}/${i}`)
    most = Math.max(most, upstream.open())
    return got?.text.endsWith(`/${i}`)
  })
  t.equal(answers.filter(Boolean).length, MANY, 'every request got its own answer')
  t.equal(upstream.seen.length, 2 * MANY)
  t.ok(most <= POOL, `${most} sockets at most`)
  t.ok(upstream.connections() <= 2 * LANES, `${upstream.connections()} connections for ${2 * MANY} requests`)
  // One that was idle for too long may be on its way out.
  await until(() => upstream.open() === daemon.daemon.holds().upstreamConnections)
  for (const lane of lanes) lane.close()
})

t.test('L7: 2,000 refusals that cannot be drained leave no socket either', async t => {
  const asked = new Set<string>()
  const script: Script = (seen, socket) => {
    if (asked.has(seen.path)) return answer(200, 'ok')
    asked.add(seen.path)
    socket.write(`HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\n${'e'.repeat(50_000)}`)
    return undefined
  }
  const retry = 'retry: { backoff: { base: 10ms, cap: 10ms }, budget: { ratio: 1, min_per_second: 1000 } }'
  const { upstream, daemon, url } = await scene(t, script, oneRoute(retry, 'breaker: off', 'cooldown: off'))
  const lanes = lanesTo(daemon.port, LANES)
  const answers = await crowd(2_000, LANES, (i, lane) => (lanes[lane] as (typeof lanes)[0]).ask(`${url}/${i}`))
  for (const lane of lanes) lane.close()
  t.equal(answers.filter(got => got.text === 'ok').length, 2_000)
  await until(() => upstream.open() === daemon.daemon.holds().upstreamConnections)
  t.ok(upstream.open() <= LANES, `${upstream.open()} sockets left, all of them idle in the pool`)
})
