import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { request } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { startCrew } from '../support/live-crew.js'
import { PATIENT } from '../support/mulligan.js'
import { seeded } from '../support/random.js'
import { answer, startUpstream } from '../support/upstream.js'

/** The long form: RELOADS=100. */
const RELOADS = Number(process.env['RELOADS'] ?? 12)
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const CLIENTS = 8

test(`F7: ${RELOADS} reloads while workers die: in the end all are under the last good one`, async t => {
  t.setTimeout(120_000 + RELOADS * 5_000)
  t.comment(`seed ${SEED}`)
  const random = seeded(SEED)
  const upstream = await startUpstream(() => answer(200, 'ok'))
  t.teardown(() => upstream.close())
  const yaml = (name: string, more = '') =>
    `workers: 2\n${PATIENT}routes: [{ name: ${name}, match: { host: "*" } }]\n${more && `listen: { auth: { username: me, password: { file: ${more} } } }\n`}`
  const crew = await startCrew(t, yaml('r0'))
  const file = join(crew.folder, 'mulligan.yaml')
  const ask = (path: string) => request(crew.port, `${upstream.url}${path}`)
  let isOver = false
  const statuses = new Map<number, number>()
  const clients = crowd(CLIENTS, CLIENTS, async () => {
    while (!isOver) {
      const { status } = await ask('/x')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  })
  let kills = 0
  let last = 'r0'
  for (let n = 1; n <= RELOADS; n++) {
    const isBroken = n % 3 === 0
    writeFileSync(file, yaml(`r${n}`, isBroken ? '/nowhere' : ''))
    const [victim] = crew.workers()
    // With the last one, a port that was any port would go.
    if (victim !== undefined && random() < 0.7 && (await crew.told('/v1/status'))['workers'] === 2) {
      process.kill(victim, 'SIGKILL')
      kills++
      // Before, while and after its replacement begins.
      await new Promise(resolve => setTimeout(resolve, random() * 500))
    }
    crew.kill('SIGHUP')
    const { msg } = await crew.next(({ msg }) => /^reload/.test(String(msg)))
    if (msg === 'reloaded') last = `r${n}`
    t.notOk(isBroken && msg === 'reloaded', `${n} is refused if it is broken`)
  }
  isOver = true
  await clients
  const deadline = performance.now() + 60_000
  for (;;) {
    const { workers, ready } = await crew.told('/v1/status')
    if (workers === 2 && ready === true) break
    if (performance.now() > deadline) throw new Error('not all were replaced')
  }
  t.same(
    [...statuses.keys()].filter(status => status !== 200 && status !== 0),
    [],
    'what was not cut by a kill was answered',
  )
  t.ok((statuses.get(0) ?? 0) <= kills * CLIENTS * 2, `of ${JSON.stringify([...statuses])}, ${kills} kills`)
  await crowd(64, 64, () => ask('/last'))
  // By their path: lines come in batches, and some may still be of what was before.
  const routesOfLast = () => crew.printed().match(/(?<="route":")[^"]+(?=".*"path":"\/last")/g) ?? []
  await until(() => routesOfLast().length === 64)
  const routes = new Set(routesOfLast())
  t.same([...routes].filter(route => route !== last).length, 0, `all of ${[...routes].join()} are ${last}`)
})
