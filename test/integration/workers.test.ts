import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { rawExchange, request, requestBytes } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { isAlive, type LiveCrew, lanesToEach, logged, startCrew } from '../support/live-crew.js'
import { makeHome, PATIENT } from '../support/mulligan.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

const ALL = `${PATIENT}routes: [{ name: all, match: { host: "*" }, retry: { backoff: { base: 10ms, cap: 20ms } } }]`
const CROWD = 64
/** Requests with a line of 80 KB each in the log. */
const FAT = 100

async function upstreamFor(t: Test, script: Script = () => answer(200, 'ok')) {
  const upstream = await startUpstream(script)
  t.teardown(() => upstream.close())
  return upstream
}

/** What they have counted. A worker that does not say so within a second is left out: then it is asked again. */
async function counted(crew: LiveCrew, least: number): Promise<number> {
  for (let tries = 1; ; tries++) {
    const labels = { route: 'all', method: 'GET', status: '200' }
    const count = (await crew.metrics()).value('mulligan_requests_total', labels)
    if (count >= least || tries === 5) return count
  }
}

const allLogged = (crew: LiveCrew, count: number) => until(() => logged(crew) >= count)

/** Each worker has had some, and the log says so. @returns how many in all */
async function reachAll(t: Test, crew: LiveCrew, url: string): Promise<number> {
  const lanes = await lanesToEach(t, crew, CROWD / 2, url)
  for (const lane of lanes) lane.close()
  await allLogged(crew, lanes.length)
  return lanes.length
}

test('two workers serve one port, and the admin side tells of both as of one', async t => {
  const upstream = await upstreamFor(t)
  const crew = await startCrew(t, `workers: 2\n${ALL}\n`)
  t.equal(crew.workers().length, 2)
  const asked = await reachAll(t, crew, `${upstream.url}/x`)
  t.equal(crew.shares().size, 2, 'ids of both are in the log')
  t.comment(`shares ${[...crew.shares().values()].join(' and ')}`)

  const ids = [...crew.printed().matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id)
  t.equal(new Set(ids).size, asked, 'no id comes twice')
  const metrics = await crew.metrics()
  t.equal(await counted(crew, asked), asked)
  t.equal(metrics.value('mulligan_workers'), 2)
  t.equal(metrics.series.filter(({ name }) => name === 'mulligan_build_info').length, 1)
  t.equal(metrics.value('mulligan_draining'), 0)
  t.equal((await crew.told('/v1/status'))['pid'], crew.pid)
  await crew.stop()
  t.match(await crew.said(({ msg }) => msg === 'stopped'), { clean: true })
})

test('a killed worker is replaced; its clients see no success, and counters do not fall', async t => {
  let held = 0
  const upstream = await upstreamFor(t, seen => {
    if (seen.path !== '/hold') return answer(200, 'ok')
    held++
    return undefined
  })
  const crew = await startCrew(t, `workers: 2\n${ALL}\n`)
  const asked = await reachAll(t, crew, `${upstream.url}/x`)
  t.equal(await counted(crew, asked), asked)
  const [victim = 0] = crew.workers()
  const open = crowd(CROWD, CROWD, async () => rawExchange(crew.port, requestBytes(`${upstream.url}/hold`)))
  await until(() => held === CROWD)
  process.kill(victim, 'SIGKILL')
  t.match(await crew.next(({ msg }) => msg === 'worker ended'), { pid: victim, signal: 'SIGKILL' })
  const replaced = await crew.next(({ msg }) => msg === 'worker replaced')
  t.not(replaced['pid'], victim)
  t.same(crew.workers().includes(Number(replaced['pid'])), true)
  t.equal(await counted(crew, asked), asked, 'what the dead one had counted is still counted')
  await reachAll(t, crew, `${upstream.url}/x`)
  t.ok((await counted(crew, asked + 1)) > asked)
  // The others are cut now, unanswered: nobody was told of a success. An idle worker ends with its primary: none may go on.
  const pids = [crew.pid, ...crew.workers()]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  t.same(new Set(await open), new Set(['']))
})

test('F7: a reload is for all workers or for none, and a replacement begins with what is in force', async t => {
  const upstream = await upstreamFor(t, seen => answer(200, seen.header('host') ?? ''))
  const yaml = (name: string) => `workers: 2\n${PATIENT}routes: [{ name: ${name}, match: { host: "*" } }]\n`
  const crew = await startCrew(t, yaml('first'))
  const file = join(crew.folder, 'mulligan.yaml')
  await reachAll(t, crew, `${upstream.url}/x`)

  writeFileSync(file, 'routes: [{ name: ')
  crew.kill('SIGHUP')
  t.match(await crew.next(({ msg }) => /reload refused/.test(String(msg))), { report: /not valid YAML/ })
  const [victim = 0] = crew.workers()
  process.kill(victim, 'SIGKILL')
  await crew.next(({ msg }) => msg === 'worker replaced')
  await reachAll(t, crew, `${upstream.url}/x`)
  t.same(routesIn(crew), new Set(['first']), 'also in one that came after the broken edit')

  writeFileSync(file, yaml('second'))
  crew.kill('SIGHUP')
  await crew.next(({ msg }) => msg === 'reloaded')
  await allLogged(crew, upstream.seen.length)
  const from = crew.printed().length
  await crowd(4 * CROWD, CROWD, () => request(crew.port, `${upstream.url}/x`))
  await allLogged(crew, upstream.seen.length)
  t.same(routesIn(crew, from), new Set(['second']))

  // A secret that cannot be read fails in the workers alone.
  writeFileSync(file, `${yaml('third')}listen: { auth: { username: me, password: { file: /nowhere } } }\n`)
  crew.kill('SIGHUP')
  t.match(await crew.next(({ msg }) => /reload refused/.test(String(msg))), { report: /nowhere/ })
  await allLogged(crew, upstream.seen.length)
  const later = crew.printed().length
  await crowd(2 * CROWD, CROWD, () => request(crew.port, `${upstream.url}/x`))
  await allLogged(crew, upstream.seen.length)
  t.same(routesIn(crew, later), new Set(['second']))
})

const routesIn = (crew: LiveCrew, from = 0): Set<string | undefined> =>
  new Set(
    [
      ...crew
        .printed()
        .slice(from)
        .matchAll(/"id":"[^"]+","route":"([^"]+)"/g),
    ].map(([, route]) => route),
  )

test('F7: SIGTERM to all processes at once under load fails nothing that was accepted', async t => {
  const upstream = await upstreamFor(t, async () => {
    await new Promise(resolve => setTimeout(resolve, 30))
    return answer(200, 'ok')
  })
  const crew = await startCrew(t, `workers: 2\n${ALL}\n`)
  const workers = crew.workers()
  await reachAll(t, crew, `${upstream.url}/x`)
  const answered = new Set<string>()
  let count = 0
  const clients = crowd(32, 32, async () => {
    for (;;) {
      const path = `/load/${count++}`
      const { status, broken } = await request(crew.port, `${upstream.url}${path}`)
      if (status !== 200 || broken) return
      answered.add(path)
    }
  })
  await until(() => answered.size > 100, 30_000)
  // As a terminal does: the group.
  for (const pid of [...workers, crew.pid]) process.kill(pid, pid === crew.pid ? 'SIGTERM' : 'SIGINT')
  await crew.gone
  await clients
  const accepted = upstream.seen.map(({ path }) => path).filter(path => path.startsWith('/load/'))
  t.ok(accepted.length > 100)
  t.same(
    accepted.filter(path => !answered.has(path)),
    [],
    'what came through was answered',
  )
  t.match(await crew.said(({ msg }) => msg === 'stopped'), { clean: true })
  t.same(workers.filter(isAlive), [])
})

test('workers outlive their primary only to finish what runs', async t => {
  let reached = () => {}
  const here = new Promise<void>(resolve => (reached = resolve))
  let finish = () => {}
  const may = new Promise<void>(resolve => (finish = resolve))
  const upstream = await upstreamFor(t, async () => {
    reached()
    await may
    return answer(200, 'in the end')
  })
  const crew = await startCrew(t, `workers: 2\n${ALL}\n`)
  const workers = crew.workers()
  t.equal(workers.length, 2)
  const late = request(crew.port, `${upstream.url}/x`)
  await here
  crew.kill('SIGKILL')
  await until(() => workers.filter(isAlive).length === 1, 30_000)
  finish()
  t.match(await late, { status: 200, text: 'in the end' })
  await until(() => workers.filter(isAlive).length === 0, 30_000)
  t.equal((await request(crew.port, '/')).status, 0)
})

test('a taken port is told as by one process, and leaves no worker', async t => {
  const upstream = await upstreamFor(t)
  const home = makeHome(t, `workers: 2\nlisten: { mounts: "127.0.0.1:${upstream.port}" }\n${ALL}\n`)
  await t.rejects(startCrew(t, '', home), /the daemon ended/)
})

test('a unix socket, mounts of their own and listen.auth are as with one process', async t => {
  const upstream = await upstreamFor(t, seen => answer(200, seen.path))
  const home = makeHome(t, '')
  const path = join(home.folder, 'proxy.sock')
  const yaml = `
workers: 2
listen: { mounts: "unix:${path}", auth: { username: me, password: { env: PASSWORD } } }
routes: [{ name: api, match: { host: api.test }, upstream: "${upstream.url}", mount: /api }]
`
  writeFileSync(join(home.folder, 'mulligan.yaml'), yaml)
  const crew = await startCrew(t, '', { ...home, env: { ...home.env, PASSWORD: 'secret' } })
  const auth = `Proxy-Authorization: Basic ${Buffer.from('me:secret').toString('base64')}`
  t.equal((await request(crew.port, 'http://api.test/a')).status, 407)
  t.match(await request(crew.port, 'http://api.test/a', { fields: [auth] }), { status: 200, text: '/a' })
  const over = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect(path).on('error', reject)
    socket.on('data', data => (text += String(data))).on('end', () => resolve(text))
    socket.write('GET /api/b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  })
  t.match(over, /^HTTP\/1\.1 200 [\s\S]*\/b$/)
})

test('lines of the log stay whole, however long they are', async t => {
  const upstream = await upstreamFor(t)
  const crew = await startCrew(t, `workers: 2\nlog: { level: debug }\n${ALL}\n`)
  const fat = `X-Fat: ${'é'.repeat(20_000)}`
  await crowd(FAT, 32, n => request(crew.port, `${upstream.url}/${n}?${'q'.repeat(5_000)}`, { fields: [fat] }))
  const exchanges = () => crew.printed().split('"msg":"exchange"').length - 1
  // What a full pipe does not take when the process ends is lost, as with one process.
  await until(() => exchanges() >= FAT && crew.printed().endsWith('\n'), 20_000)
  await crew.stop()
  const lines = crew.printed().trim().split('\n')
  const records = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  t.equal(records.filter(({ msg }) => msg === 'exchange').length, FAT, 'every line is there, and JSON')
})
