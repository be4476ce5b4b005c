import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { takeLock, type Unlock } from '../../../src/credential/file-lock.js'
import { systemClock } from '../../../src/time/clock.js'
import { millis, seconds } from '../../../src/time/units.js'
import { shortDir } from '../../support/short-dir.js'

/** No process has it: above every system's highest number. */
const NOBODY = 2 ** 30

const lockIn = (t: Test): string => join(shortDir(t), 'vendor.lock')

const owner = (change: object) => JSON.stringify({ pid: process.pid, host: hostname(), process: 'p', ...change })

const take = (path: string, patience = seconds(10)) => takeLock(path, systemClock, patience)

test('TR-21: a lock is held by one at a time, and whoever waits has it next', async t => {
  const path = lockIn(t)
  const order: string[] = []
  const work = async (name: string) => {
    const unlock = (await take(path)) as Unlock
    order.push(`${name} in`)
    await new Promise(resolve => setImmediate(resolve))
    order.push(`${name} out`)
    await unlock()
  }
  await Promise.all(['a', 'b', 'c', 'd'].map(work))
  for (let i = 0; i < order.length; i += 2) t.equal(order[i]?.[0], order[i + 1]?.[0], order.join())
  t.same(readdirSync(join(path, '..')), [], 'nothing is left')
})

test('a lock that stays taken is waited for no longer than told', async t => {
  const path = lockIn(t)
  const unlock = await take(path)
  t.equal(await take(path, millis(0)), undefined)
  await unlock?.()
  t.ok(await take(path, millis(0)))
})

test("TR-21: an abandoned lock is taken at once, one that may be somebody's is not", async t => {
  const rows: [string, text: string, ageMs: number, taken: boolean][] = [
    ['a process that is gone', owner({ pid: NOBODY }), 0, true],
    ['this number, another run: a container that was started again', owner({}), 0, true],
    ['a process that is there', owner({ pid: process.ppid }), 0, false],
    ['another machine or container', owner({ pid: NOBODY, host: 'elsewhere' }), 0, false],
    ['another machine, 31 s ago', owner({ pid: NOBODY, host: 'elsewhere' }), 31_000, true],
    ['another machine, in 40 s: the clock was set back', owner({ pid: NOBODY, host: 'elsewhere' }), -40_000, true],
    ['a process that is there, a day ago: the clock was set', owner({ pid: process.ppid }), 86_400_000, false],
    ['a process that is there, in an hour: it was set back', owner({ pid: process.ppid }), -3_600_000, false],
    ['without a name', '', 0, false],
    ['without a name, 2 s ago', '', 2_000, true],
    ['nonsense, 2 s ago', '[1', 2_000, true],
  ]
  for (const [name, text, ageMs, taken] of rows) {
    const path = lockIn(t)
    writeFileSync(path, text)
    const at = (Date.now() - ageMs) / 1_000
    utimesSync(path, at, at)
    const unlock = await take(path, millis(0))
    t.equal(unlock !== undefined, taken, name)
    await unlock?.()
    t.equal(existsSync(path), !taken, `${name}: left as it should be`)
  }
})

test('TR-21: a process that lives and does not let go loses its lock when somebody has waited for 30 s', async t => {
  const path = lockIn(t)
  writeFileSync(path, owner({ pid: process.ppid }))
  // Two hundred times as fast.
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 200 }
  const since = clock.monotonic()
  const unlock = await takeLock(path, clock, seconds(60))
  t.ok(clock.monotonic() - since > 30_000)
  t.ok(unlock)
  await unlock?.()
})

test('an abandoned lock that the system does not let go is waited for no longer than told', async t => {
  // The name to move it to would be longer than any file system allows.
  const path = join(shortDir(t), `${'l'.repeat(245)}.lock`)
  writeFileSync(path, owner({ pid: NOBODY }))
  t.equal(await take(path, millis(60)), undefined)
})

test('a lock that another one took over is not taken away by its first owner', async t => {
  const path = lockIn(t)
  const unlock = await take(path)
  writeFileSync(path, owner({ pid: process.ppid }))
  await unlock?.()
  t.equal(readFileSync(path, 'utf8'), owner({ pid: process.ppid }))
})

test('a lock that cannot be made is told as the system tells it', async t => {
  await t.rejects(take(join(lockIn(t), 'below', 'nothing.lock')), { code: 'ENOENT' })
})
