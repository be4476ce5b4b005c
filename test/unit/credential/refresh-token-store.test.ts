import { chmodSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { RefreshTokenStore } from '../../../src/credential/refresh-token-store.js'
import { SourceError } from '../../../src/credential/source.js'
import { ManualClock } from '../../support/clock.js'

const noModes = process.platform === 'win32' && 'Windows has no such modes'

test('T20: a refresh token that others can read is refused with its remedy, and taken again once that is done', {
  skip: noModes,
}, async t => {
  const store = new RefreshTokenStore(t.testdir({}), 'vendor', new ManualClock())
  await store.write('print', { refreshToken: 'canary-1', access: undefined })
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(store.path, mode)
    const error = await store.read('print').catch((reason: unknown) => reason)
    t.ok(error instanceof SourceError && !error.permanent, 'it may be mended')
    t.match((error as Error).message, /vendor\.json is open to others \(mode 06\d\d\): chmod 600 \//)
    t.notMatch((error as Error).message, 'canary-1')
  }
  chmodSync(store.path, 0o600)
  t.strictSame(await store.read('print'), { refreshToken: 'canary-1', access: undefined })
})

test('T20: the folder of refresh tokens is closed to others at each write', { skip: noModes }, async t => {
  const state = t.testdir({})
  mkdirSync(join(state, 'credentials'), { mode: 0o777 })
  const store = new RefreshTokenStore(state, 'vendor', new ManualClock())
  await store.write('print', { refreshToken: 'canary-1', access: undefined })
  t.equal(statSync(join(state, 'credentials')).mode & 0o777, 0o700)
  t.equal(statSync(store.path).mode & 0o777, 0o600)
})

test('F25: a session with one wrong bit, or cut off, is told from one of another, and never overwritten for it', async t => {
  const store = new RefreshTokenStore(t.testdir({}), 'vendor', new ManualClock())
  const access = { token: 'a', expiresAt: 1_767_225_600_000, wanted: 'scope' }
  await store.write('print', { refreshToken: 'canary-1', access })
  t.equal(await store.read('of another'), undefined)
  const good = readFileSync(store.path)
  const wrong: number[] = []
  for (let at = 0; at < good.length; at++) {
    const bad = Buffer.from(good)
    bad[at] = (bad[at] ?? 0) ^ (1 << (at % 7))
    writeFileSync(store.path, bad)
    const error = await store.read('print').catch((reason: unknown) => reason)
    const isTold = error instanceof SourceError && /is damaged: restore it, or remove it/.test(error.message)
    // The line break at the end may be any white space.
    if (!isTold && at < good.length - 1) wrong.push(at)
    if (isTold && (error.permanent || error.message.includes('canary'))) wrong.push(at)
  }
  t.strictSame(wrong, [])
  for (const size of [0, 1, good.length >> 1, good.length - 2]) {
    writeFileSync(store.path, good)
    truncateSync(store.path, size)
    await t.rejects(store.read('print'), { message: /is damaged/ }, `${size} bytes`)
  }
  writeFileSync(store.path, good)
  t.strictSame(await store.read('print'), { refreshToken: 'canary-1', access })
})
