import { execFileSync, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fileSource } from '../../../src/credential/file-source.js'
import type { Source } from '../../../src/credential/source.js'
import type { Clock } from '../../../src/time/clock.js'
import { systemClock } from '../../../src/time/clock.js'
import { millis } from '../../../src/time/units.js'
import { ManualClock } from '../../support/clock.js'

const { signal } = new AbortController()

const failureOf = (source: Source): Promise<unknown> => source.fetch(signal).catch((error: unknown) => error)

/** The watch ends with the test. It keeps no process alive, so something else has to. */
function watchFor(t: Test, source: Source, changed: () => void): void {
  const alive = setInterval(() => undefined, 1_000)
  const end = source.watch?.(changed)
  t.teardown(() => {
    end?.()
    clearInterval(alive)
  })
}

/** How the kubelet writes a projected volume: everything changes by renaming one link. */
function mountVolume(folder: string, version: string, token: string): void {
  mkdirSync(join(folder, `..${version}`))
  writeFileSync(join(folder, `..${version}`, 'token'), token)
  symlinkSync(`..${version}`, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
}

t.test('T7: a projected Kubernetes token is noticed when the ..data link is swapped', { timeout: 20_000 }, async t => {
  const folder = t.testdir({})
  mountVolume(folder, '2026_01', 'first\n')
  symlinkSync('..data/token', join(folder, 'token'))
  const source = fileSource(join(folder, 'token'), systemClock)
  // The look every 60 s cannot have told within the time of this test.
  const changed = new Promise<void>(resolve => watchFor(t, source, resolve))
  t.strictSame(await source.fetch(signal), { token: 'first', expiresAt: undefined })
  mountVolume(folder, '2026_02', 'second\n')
  rmSync(join(folder, '..2026_01'), { recursive: true })
  await changed
  t.equal((await source.fetch(signal)).token, 'second')
})

t.test('T7: a folder that comes later is noticed by looking', { timeout: 20_000 }, async t => {
  const path = join(t.testdir({}), 'later', 'token')
  const source = fileSource(path, systemClock, millis(20))
  const changed = new Promise<void>(resolve => watchFor(t, source, resolve))
  t.match(await failureOf(source), { permanent: false, message: `cannot read ${path}: there is no such file` })
  mkdirSync(join(path, '..'))
  writeFileSync(path, 'here')
  await changed
  t.equal((await source.fetch(signal)).token, 'here')
})

t.test(
  'T7: a file that is being rewritten keeps its token until the new one is there',
  { timeout: 20_000 },
  async t => {
    const path = join(t.testdir({ token: 'old' }), 'token')
    const clock = new ManualClock()
    const source = fileSource(path, clock)
    t.equal((await source.fetch(signal)).token, 'old')
    writeFileSync(path, '')
    t.equal((await source.fetch(signal)).token, 'old', 'empty')
    writeFileSync(path, ' \n')
    t.equal((await source.fetch(signal)).token, 'old', 'blank')
    const exp = clock.now() / 1_000 + 60
    const jwt = `x.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.y`
    writeFileSync(path, jwt)
    t.strictSame(await source.fetch(signal), { token: jwt, expiresAt: exp * 1_000 })
    writeFileSync(path, '')
    clock.advance(60_000)
    t.match(
      await failureOf(source),
      { permanent: false, message: `file ${path} is empty` },
      'but not one that has ended',
    )
  },
)

t.test('a file that is written with the same token again is no change', { timeout: 20_000 }, async t => {
  const path = join(t.testdir({ token: 'same' }), 'token')
  const looks = new EventEmitter()
  const schedule: Clock['schedule'] = (delay, task) =>
    systemClock.schedule(delay, () => {
      task()
      looks.emit('look')
    })
  const source = fileSource(path, { ...systemClock, schedule })
  t.equal((await source.fetch(signal)).token, 'same')
  const found: string[] = []
  const changes = new EventEmitter()
  watchFor(t, source, () => {
    found.push(readFileSync(path, 'utf8'))
    changes.emit('change')
  })
  const look = once(looks, 'look')
  writeFileSync(path, 'same\n')
  await look
  // More steps than the look takes, so that it has had its chance to be wrong.
  for (let i = 0; i < 50; i++) await stat(path)
  const change = once(changes, 'change')
  writeFileSync(path, 'other')
  await change
  t.strictSame(found, ['other'])
})

t.test('a file that holds no token says why, and nothing that it holds', async t => {
  const folder = t.testdir({
    binary: Buffer.from([0xff, 0xfe, 0x00, 0xd8]),
    utf16: Buffer.from('canary', 'utf16le'),
    lines: 'canary\ncanary',
    long: 'canary'.repeat(20_000),
    empty: '',
    dir: {},
  })
  const cases: [string, string][] = [
    ['binary', 'file PATH gave bytes that are no UTF-8 text'],
    ['utf16', 'file PATH gave control characters, which are no token'],
    ['lines', 'file PATH gave more than one line, which is no token'],
    ['long', 'PATH is longer than 64 KiB'],
    ['empty', 'file PATH is empty'],
    ['dir', 'PATH is no regular file'],
    ['none', 'cannot read PATH: there is no such file'],
    ['lines/x', 'cannot read PATH: ENOTDIR'],
  ]
  for (const [name, message] of cases) {
    const path = join(folder, name)
    const failure = await failureOf(fileSource(path, systemClock))
    t.match(failure, { name: 'SourceError', permanent: false, message: message.replace('PATH', path) }, name)
    t.notMatch(String((failure as Error).stack), /canary/)
  }
})

const skip = process.getuid?.() === 0 && 'root may read everything'

t.test('a file that may not be read says so', { skip }, async t => {
  const path = join(t.testdir({ token: 'canary' }), 'token')
  chmodSync(path, 0)
  t.match(await failureOf(fileSource(path, systemClock)), {
    permanent: false,
    message: `cannot read ${path}: permission denied (EACCES)`,
  })
})

t.test('a pipe that nobody writes to holds up nothing', async t => {
  const path = join(t.testdir({}), 'pipe')
  try {
    execFileSync('sh', ['-c', 'mkfifo "$0"', path], { stdio: 'ignore' })
  } catch {
    return void t.comment('not tested: there is no mkfifo here')
  }
  t.match(await failureOf(fileSource(path, systemClock)), { message: `${path} is no regular file` })
})

t.test('who has waited long enough is told so', async t => {
  const path = join(t.testdir({ token: 'a' }), 'token')
  await t.rejects(fileSource(path, systemClock).fetch(AbortSignal.abort()), {
    name: 'SourceError',
    message: `file ${path} could not be read in time`,
  })
})

t.test('a watch keeps no process alive', { timeout: 20_000 }, async t => {
  const path = join(t.testdir({ token: 'a' }), 'token')
  const module = (name: string) => JSON.stringify(new URL(`../../../src/${name}`, import.meta.url).href)
  const script = `
    const { fileSource } = await import(${module('credential/file-source.js')})
    const { systemClock } = await import(${module('time/clock.js')})
    const source = fileSource(${JSON.stringify(path)}, systemClock)
    source.watch(() => {})
    console.log((await source.fetch(new AbortController().signal)).token)`
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [printed] = await once(child.stdout, 'data')
  t.equal(String(printed), 'a\n')
  t.strictSame(await once(child, 'exit'), [0, null])
})
