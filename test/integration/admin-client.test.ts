import { chmodSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import type { Managed } from '../../src/admin/managed.js'
import { startAdminServer } from '../../src/admin/server.js'
import { tokenPath } from '../../src/admin/token.js'
import { ask, NoDaemonError, RefusedError, tell } from '../../src/cli/admin-client.js'
import { managed, QUIET_WORLD, serving } from '../support/managed.js'
import { shortDir } from '../support/short-dir.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

test('the client asks with parameters, tells with the token of the state directory, and reads what is answered', async t => {
  const state = t.testdir({})
  const asked: unknown[] = []
  const change: Partial<Managed> = {
    serving: serving({
      exchanges: async query => {
        asked.push(query)
        return []
      },
      resetBreaker: async origin => {
        asked.push(origin)
        return true
      },
    }),
  }
  const { address, close } = await startAdminServer(ANY, managed(state, change), QUIET_WORLD)
  t.teardown(close)
  t.same(await ask(address, 'health'), { status: 'ok' })
  t.same(await ask(address, 'exchanges', { query: { limit: 5, route: 'a b&c', notable: true } }), { exchanges: [] })
  t.same(await ask(address, 'exchanges', { query: { route: undefined } }), { exchanges: [] })
  const origin = 'http://[::1]:80'
  t.same(await tell(address, state, 'resetBreaker', { params: { origin } }), { origin, reset: true })
  t.same(await tell(address, state, 'reload'), { reloaded: true, needs_restart: [] })
  t.same(await tell(address, state, 'drain'), { draining: true })
  t.same(asked, [
    { limit: 5, route: 'a b&c', notable: true },
    { limit: 100, route: undefined, notable: undefined },
    origin,
  ])
})

test('a refusal comes with the words of the daemon', async t => {
  const state = shortDir(t)
  const report = 'mulligan.yaml:1:1: routes: is empty'
  const { address, close } = await startAdminServer(
    ANY,
    managed(state, { reload: async () => ({ ok: false, report }) }),
    QUIET_WORLD,
  )
  t.teardown(close)
  const refused = async (promise: Promise<unknown>, status: number, message: RegExp) => {
    const error: unknown = await promise.catch((error: unknown) => error)
    t.ok(error instanceof RefusedError)
    t.match(error, { status, message })
  }
  await refused(ask(address, 'exchange', { params: { id: 'a/b' } }), 404, /^no exchange "a\/b" is remembered/)
  await refused(tell(address, state, 'reload'), 422, /^mulligan\.yaml:1:1: routes: is empty$/)
  const body = { outcome: 'executed' }
  await refused(tell(address, state, 'resolve', { params: { ref: '0123' }, body }), 404, /^there is no key/)
  await refused(tell(address, shortDir(t), 'reload'), 401, /^there is no admin token .*--state/)
  writeFileSync(tokenPath(state), 'a'.repeat(43))
  await refused(tell(address, state, 'reload'), 401, /Bearer with the content of admin\.token/)
  chmodSync(tokenPath(state), 0o644)
  await refused(tell(address, state, 'reload'), 401, /cannot be used: others may read or write it/)
})

test('a daemon that is not ready says so as an answer', async t => {
  const load = async () => ({ ...(await serving().load()), draining: true })
  const change = { serving: serving({ load }) }
  const { address, close } = await startAdminServer(ANY, managed(t.testdir({}), change), QUIET_WORLD)
  t.match(await ask(address, 'readiness'), { status: 'draining', problems: [/drains/] })
  await close()
  await t.rejects(ask(address, 'readiness'), NoDaemonError)
})
