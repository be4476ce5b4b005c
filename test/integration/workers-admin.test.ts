import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { type LiveCrew, lanesToEach, logged, startCrew } from '../support/live-crew.js'
import { PATIENT } from '../support/mulligan.js'
import { startCollector } from '../support/otlp.js'
import { answer, startUpstream } from '../support/upstream.js'

/** Requests to each worker. */
const CROWD = 32

async function scene(t: Test, route = '', top = '') {
  const upstream = await startUpstream(seen => answer(seen.path === '/down' ? 500 : 200, 'ok'))
  t.teardown(() => upstream.close())
  const yaml = `workers: 2\n${PATIENT}${top}routes: [{ name: api, match: { host: 127.0.0.1 }, retry: off${route} }]\n`
  const crew = await startCrew(t, yaml)
  let asked = 0
  /** Each worker has had some, and the log says so. */
  const reachAll = async (path: string) => {
    asked += (await lanesToEach(t, crew, CROWD, `${upstream.url}${path}`)).length
    await until(() => logged(crew) >= asked)
  }
  return { upstream, crew, reachAll }
}

type Listed = { readonly exchanges: readonly { readonly id: string; readonly time: string; duration_ms: number }[] }

const runsOf = (exchanges: Listed['exchanges']) => new Set(exchanges.map(({ id }) => id.split('-')[0]))

test('the exchanges of all workers are told, the newest first, and each can be looked up', async t => {
  const { crew, reachAll } = await scene(t)
  await reachAll('/x')
  const { exchanges } = (await crew.told('/v1/exchanges?limit=1000')) as unknown as Listed
  t.equal(runsOf(exchanges).size, 2)
  const ends = exchanges.map(({ time, duration_ms }) => Date.parse(time) + duration_ms)
  t.same(
    ends,
    [...ends].sort((a, b) => b - a),
  )
  t.equal(((await crew.told('/v1/exchanges?limit=5')) as unknown as Listed).exchanges.length, 5)
  for (const id of [
    exchanges[0]?.id,
    exchanges.find(({ id }) => !id.startsWith(exchanges[0]?.id.slice(0, 8) ?? ''))?.id,
  ])
    t.match(await crew.told(`/v1/exchanges/${id}`), { id, route: 'api', status: 200 })
  t.match(await crew.told('/v1/exchanges/none-1'), { status: 404 })
  t.match(await crew.told('/v1/routes'), { routes: [{ name: 'api', requests: exchanges.length }] })
})

test('an origin has one breaker for who looks, the worst, and a reset closes those of all workers', async t => {
  const { crew, upstream, reachAll } = await scene(t, ', breaker: { failures: 2, open: 60s }')
  await reachAll('/down')
  const origin = `http://127.0.0.1:${upstream.port}`
  const breakers = async () => (await crew.told('/v1/breakers'))['breakers']
  t.match(await breakers(), [{ origin, breaker: 'open' }])
  const token = readFileSync(join(crew.folder, '.local/state/mulligan/admin.token'), 'utf8').trim()
  const reset = await request(Number(crew.admin.split(':')[1]), `/v1/breakers/${encodeURIComponent(origin)}/reset`, {
    method: 'POST',
    fields: [`Authorization: Bearer ${token}`],
  })
  t.match(reset, { status: 200 })
  t.match(await breakers(), [{ origin, breaker: 'closed' }])
})

test('who watches hears of every worker, also of one that came later', async t => {
  const { crew, reachAll } = await scene(t)
  const heard = listen(t, crew)
  await heard.open
  await reachAll('/x')
  await until(() => heard.runs().size === 2)
  const [victim = 0] = crew.workers()
  process.kill(victim, 'SIGKILL')
  await crew.next(({ msg }) => msg === 'worker replaced')
  await reachAll('/y')
  await until(() => heard.runs().size === 3)
  t.equal(heard.runs().size, crew.shares().size)
})

test('spans say which process they are of', async t => {
  const collector = await startCollector(t)
  const { crew, reachAll } = await scene(t, '', `telemetry: { otlp: { endpoint: "${collector.url}" } }\n`)
  await reachAll('/x')
  await crew.stop()
  const instances = new Set(collector.exports.map(({ resource }) => resource['service.instance.id']))
  t.equal(instances.size, 2, [...instances].join(' and '))
})

test('while one of two workers is missing, the daemon says so and is not ready', async t => {
  const { crew } = await scene(t)
  const [victim = 0] = crew.workers()
  process.kill(victim, 'SIGKILL')
  await crew.next(({ msg }) => msg === 'worker ended')
  t.match(await crew.told('/readyz'), { status: 'not-ready', problems: [/^1 of 2 workers serve/] })
  t.match(await crew.told('/v1/status'), { workers: 1, ready: false })
  await crew.next(({ msg }) => msg === 'worker replaced')
  t.match(await crew.told('/readyz'), { status: 'ready', problems: [] })
  t.match(await crew.told('/v1/status'), { workers: 2, ready: true })
})

/** The event stream of the admin side. */
function listen(t: Test, crew: LiveCrew) {
  const socket = connect(Number(crew.admin.split(':')[1]), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  const open = new Promise<void>(resolve => {
    socket.on('data', data => {
      text += String(data)
      if (text.includes('event: load')) resolve()
    })
  })
  socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  return { open, runs: () => new Set([...text.matchAll(/"id":"([0-9a-f]+)-/g)].map(([, run]) => run)) }
}
