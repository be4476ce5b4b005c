import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { type Test, test } from 'tap'
import { memoryOf } from '../support/child-daemon.js'
import { request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { makeHome, PATIENT } from '../support/mulligan.js'
import { answer, startUpstream } from '../support/upstream.js'

/** The long form: SOCKETS=2000 SECONDS=60. */
const SOCKETS = Number(process.env['SOCKETS'] ?? 200)
const SECONDS = Number(process.env['SECONDS'] ?? 2)
/** An attack that a machine slept through is made again. */
const TRIES = 3
/** Requests of others, one after the other. */
const CLEAN = 40

const MIB = 1_048_576
/** One for all, and longer than what the kernel takes off the daemon's hands for a reader with a small window. */
const BIG = Buffer.from(answer(200, 'b'.repeat(MIB)))

const NO_TOOL =
  spawnSync('slowhttptest', ['-h']).error === undefined
    ? false
    : 'slowhttptest is not installed (apt-get install slowhttptest)'

/** What one may cost: an answer that nobody reads waits in 256 KiB, and then its upstream does. Beside that, V8's own ease. */
const EACH = 320 * 1_024
const BASE = 64 * MIB

/** What Debian's `slowhttptest` does in each of its modes, through the daemon as through any proxy. */
const ATTACKS: Readonly<Record<string, readonly string[]>> = {
  'slow heads': ['-H', '-i', '1', '-x', '24'],
  'slow bodies': ['-B', '-i', '1', '-s', '8192', '-x', '10'],
  'slow reading': ['-X', '-w', '512', '-y', '1024', '-n', '1', '-z', '32', '-k', '3'],
}

function attack(
  t: Test,
  port: number,
  url: string,
  options: readonly string[],
): { readonly child: ChildProcess; readonly said: () => string } {
  const words = [...options, '-c', SOCKETS, '-r', SOCKETS, '-l', SECONDS, '-d', `127.0.0.1:${port}`, '-u', url, '-p', 5]
  const child = spawn('slowhttptest', words.map(String), { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (said += String(data)))
  t.teardown(() => child.kill('SIGKILL'))
  return { child, said: () => said }
}

const openFiles = ({ pid }: LiveDaemon): number => readdirSync(`/proc/${pid}/fd`).length

for (const [name, options] of Object.entries(ATTACKS)) {
  test(`F30, T16: ${name}: others are served meanwhile, memory is bounded, and every file comes back`, {
    skip: NO_TOOL,
    timeout: SECONDS * 2_000 + 60_000,
  }, async t => {
    const upstream = await startUpstream(({ path }) => (path === '/big' ? BIG : answer(200, 'in')))
    t.teardown(() => upstream.close())
    const daemon = await startLive(
      t,
      makeHome(t, `${PATIENT}routes: [{ name: all, match: { host: "*" }, timeout: { idle: 5s } }]\n`),
    )
    t.equal((await request(daemon.port, `${upstream.url}/`)).text, 'in')
    const [files, memory] = [openFiles(daemon), memoryOf(daemon.pid, 'VmHWM') ?? 0]
    const begin = () => attack(t, daemon.port, `${upstream.url}/big`, options)
    let { child, said } = begin()
    let most = 0
    const look = () => (most = Math.max(most, openFiles(daemon) - files))
    for (let tries = 1; ; tries++) {
      await until(() => look() >= SOCKETS * 0.9 || child.exitCode !== null, 30_000)
      if (most >= SOCKETS / 2 || tries === TRIES) break
      ;({ child, said } = begin())
    }
    const took: number[] = []
    for (let i = 0; i < CLEAN; i++) {
      const since = performance.now()
      t.equal((await request(daemon.port, `${upstream.url}/clean`)).text, 'in')
      took.push(performance.now() - since)
      look()
    }
    await until(() => look() > 0 && child.exitCode !== null, SECONDS * 2_000 + 30_000)
    const grown = (memoryOf(daemon.pid, 'VmHWM') ?? 0) - memory
    const slowest = Math.round(Math.max(...took))
    t.comment(
      `${name}: ${most} files more at once, ${(grown / MIB).toFixed(1)} MiB more, slowest of ${CLEAN} others ${slowest} ms`,
    )
    t.ok(most >= SOCKETS / 2, `they were connected: ${said().slice(-400)}`)
    t.ok(grown < BASE + SOCKETS * EACH, `${(grown / MIB).toFixed(1)} MiB`)
    await until(() => openFiles(daemon) <= files + 2, 30_000)
    t.equal((await request(daemon.port, `${upstream.url}/`)).text, 'in')
    await daemon.stop()
  })
}
