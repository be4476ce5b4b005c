import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { installSecret } from '../../../src/idempotency/install-secret.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import type { Store } from '../../../src/store/store.js'
import { ManualClock } from '../../support/clock.js'

const memory = () => memoryStore(new ManualClock())

t.test('I13: the secret is made once, for this user alone, whoever asks at the same time', async t => {
  const state = join(t.testdir({}), 'state')
  const secrets = await Promise.all(Array.from({ length: 8 }, () => installSecret(memory(), state)))
  const path = join(state, 'install.secret')
  t.equal(secrets[0]?.length, 32)
  for (const secret of secrets) t.strictSame(secret, readFileSync(path))
  if (process.platform !== 'win32') t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('a damaged secret is never replaced: every kept key would be forgotten', async t => {
  const state = t.testdir({})
  writeFileSync(join(state, 'install.secret'), 'short', { mode: 0o600 })
  await t.rejects(installSecret(memory(), state), { trouble: 'broken', message: /install\.secret is damaged/ })
  t.equal(readFileSync(join(state, 'install.secret'), 'utf8'), 'short')
  writeFileSync(join(state, 'file'), '')
  await t.rejects(installSecret(memory(), join(state, 'file', 'deeper')), { trouble: 'broken', message: /ENOTDIR/ })
  mkdirSync(join(state, 'other', 'install.secret'), { recursive: true })
  await t.rejects(installSecret(memory(), join(state, 'other')), { trouble: 'broken', message: /EISDIR/ })
})

t.test('a store is never given another secret than the one it was made with', async t => {
  const state = join(t.testdir({}), 'state')
  const path = join(state, 'install.secret')
  const store = memory()
  const secret = await installSecret(store, state)
  writeFileSync(path, Buffer.alloc(32))
  await t.rejects(installSecret(store, state), {
    trouble: 'broken',
    message: /is not the secret .*restore it; or move/,
  })
  rmSync(path)
  await t.rejects(installSecret(store, state), { trouble: 'broken', message: /install\.secret is gone: restore it/ })
  t.notOk(existsSync(path), 'and none is made in its place')
  writeFileSync(path, secret, { mode: 0o600 })
  t.strictSame(await installSecret(store, state), secret)
})

t.test('those who share a Redis share the secret in it', async t => {
  const store: Store = { ...memory(), kind: 'redis' }
  const [one, two] = await Promise.all([installSecret(store, '/nowhere'), installSecret(store, '/nowhere')])
  t.equal(one?.length, 32)
  t.strictSame(one, two)
})

t.test(
  'T20: a secret that others can read or replace is refused with its remedy',
  {
    skip: process.platform === 'win32' && 'Windows has no such modes',
  },
  async t => {
    const state = join(t.testdir({}), 'state')
    const path = join(state, 'install.secret')
    await installSecret(memory(), state)
    for (const mode of [0o640, 0o604, 0o602, 0o666]) {
      chmodSync(path, mode)
      const message = new RegExp(`install\\.secret is open to others \\(mode 0${mode.toString(8)}\\): chmod 600 /`)
      await t.rejects(installSecret(memory(), state), { trouble: 'broken', message })
    }
    chmodSync(path, 0o400)
    t.equal((await installSecret(memory(), state)).length, 32, 'read-only is private enough')
  },
)
