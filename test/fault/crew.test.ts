import { type Test, test } from 'tap'
import type { Config } from '../../src/config/config.js'
import { parseConfig } from '../../src/config/load.js'
import { createLog } from '../../src/log/log.js'
import { millis } from '../../src/time/units.js'
import { Crew } from '../../src/workers/crew.js'
import { ManualClock } from '../support/clock.js'
import { until } from '../support/crowd.js'
import { isAlive, workersOf } from '../support/live-crew.js'

const WORKERS = 2

/** Two workers, forked by this process; nothing happens by itself after they were started. */
async function crewFor(t: Test) {
  const home = t.testdir({})
  const clock = new ManualClock()
  const configOf = (listen = '') => {
    const yaml = `workers: ${WORKERS}\nlisten: { proxy: "127.0.0.1:0", admin: off${listen} }\nstate: ${home}\nlog: { level: silent }\n`
    return parseConfig('/etc/m.yaml', yaml, { HOME: home }).config
  }
  const crew = new Crew(configOf(), {
    // Of the test runner.
    env: { NODE_OPTIONS: '' },
    clock,
    log: createLog({ ...configOf().log, format: 'json' }, false),
    pseudonym: 'mulligan-test',
    token: async () => ({ reason: 'there is none', permanent: true, retryAfter: configOf().shutdown.drain }),
  })
  t.teardown(() => Promise.all(workersOf(process.pid).map(endOf)))
  await crew.start()
  const pids = workersOf(process.pid)
  return { crew, clock, configOf, pids }
}

async function endOf(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(pid))
}

/** Those that serve now, once they are as many as they should be. */
async function replaced(clock: ManualClock, crew: Crew): Promise<void> {
  await until(() => {
    clock.advance(0)
    return crew.missing === 0 && workersOf(process.pid).length === WORKERS
  }, 20_000)
}

const UNREADABLE = ', auth: { username: me, password: { file: /nowhere } }'

test('F7: while no worker is there to try it, a configuration is refused', async t => {
  const { crew, clock, configOf, pids } = await crewFor(t)
  await Promise.all(pids.map(endOf))
  await until(() => clock.pending === WORKERS)
  await t.rejects(crew.prepare(configOf(UNREADABLE)), /no worker/)
  await replaced(clock, crew)
  await t.rejects(crew.prepare(configOf(UNREADABLE)), /nowhere/)
  await commit(crew, configOf())
})

test('F7: a worker that says nothing has a configuration refused, and later the next one is accepted', async t => {
  const { crew, clock, configOf, pids } = await crewFor(t)
  const [silent = 0] = pids
  process.kill(silent, 'SIGSTOP')
  const refused = crew.prepare(configOf())
  await until(() => clock.pending === 1)
  clock.advance(60_000)
  await t.rejects(refused, new RegExp(`worker ${silent} `))
  process.kill(silent, 'SIGCONT')
  await commit(crew, configOf())
  t.ok(isAlive(silent), 'it goes on')
})

test('F7: a worker that does not take what it was ready for is replaced under it', async t => {
  const { crew, clock, configOf, pids } = await crewFor(t)
  const [silent = 0] = pids
  const prepared = await crew.prepare(configOf())
  process.kill(silent, 'SIGSTOP')
  const committed = prepared.commit()
  await until(() => clock.pending === 1)
  clock.advance(60_000)
  await committed
  await until(() => !isAlive(silent))
  await replaced(clock, crew)
  await commit(crew, configOf())
})

test('a worker that never begins is given up, and another one is started', async t => {
  const { crew, clock, pids } = await crewFor(t)
  await endOf(pids[0] ?? 0)
  await until(() => clock.pending === 1)
  clock.advance(0)
  const [late = 0] = workersOf(process.pid).filter(pid => !pids.includes(pid))
  process.kill(late, 'SIGSTOP')
  await until(() => clock.pending > 0)
  clock.advance(120_000)
  await until(() => !isAlive(late))
  await replaced(clock, crew)
  t.same(pids.filter(isAlive).length, 1)
})

test('a worker that does not read is ended before what it is told fills our memory', async t => {
  const { crew, clock, pids } = await crewFor(t)
  const [silent = 0] = pids
  process.kill(silent, 'SIGSTOP')
  for (let told = 0; told < 30_000; told++) {
    crew.renewed({ credential: 'vendor', generation: told })
    if (told % 1_000 === 0) await answered(crew)
  }
  await until(() => !isAlive(silent))
  await replaced(clock, crew)
  t.same(pids.filter(isAlive).length, 1, 'who reads lives on')
})

/** Somebody has read all that was told so far: who is given little time may be as far behind as the silent one. */
const answered = (crew: Crew): Promise<void> =>
  new Promise(resolve => void crew.ask('load', undefined, millis(60_000), () => resolve()))

async function commit(crew: Crew, config: Config): Promise<void> {
  await (await crew.prepare(config)).commit()
}
