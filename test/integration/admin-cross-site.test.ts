import { readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import type { Managed } from '../../src/admin/managed.js'
import { startAdminServer } from '../../src/admin/server.js'
import { tokenPath } from '../../src/admin/token.js'
import { type Sent, send } from '../support/admin.js'
import { startTestDaemon } from '../support/daemon.js'
import { managed, QUIET_WORLD, serving } from '../support/managed.js'
import { answer, startUpstream } from '../support/upstream.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

/** What a browser can be made to send to a port of this machine, and names that lead there without being ours. */
function rows(port: number): [name: string, sent: Sent][] {
  const own = `Origin: http://127.0.0.1:${port}`
  const hosts: [string, string][] = [
    ['a rebound name', `evil.test:${port}`],
    ['a rebound name with a dot at its end', `evil.test.:${port}`],
    ['localhost with a dot at its end', `localhost.:${port}`],
    ['a name of localhost of another site', `localhost.evil.test:${port}`],
    ['a name with our address in it', `127.0.0.1.evil.test:${port}`],
    ['a short name', `evil:${port}`],
    ['two numbers', `127.1:${port}`],
    ['an address with a dot at its end', `127.0.0.1.:${port}`],
    ['a decimal address', `2130706433:${port}`],
    ['a hexadecimal address', `0x7f000001:${port}`],
    ['an octal address', `0177.0.0.1:${port}`],
    ['a mapped address', `[::ffff:127.0.0.1]:${port}`],
    ['a mapped address in hexadecimal', `[::ffff:7f00:1]:${port}`],
    ['another loopback address', `127.0.0.2:${port}`],
    ['the wildcard address', `0.0.0.0:${port}`],
    ['a LAN address', `192.168.0.1:${port}`],
    ['user information', `localhost@evil.test:${port}`],
    ['a fragment', `localhost:${port}#.evil.test`],
    ['a list', `localhost:${port}, evil.test`],
    ['a port that is none', 'localhost:99999'],
    ['an empty port', '127.0.0.1.:'],
  ]
  const json = 'Content-Type: application/json'
  return [
    ...hosts.map(([name, host]): [string, Sent] => [`Host: ${name}`, { host }]),
    ['Host: none', { host: '' }],
    ['Host: empty', { host: '', fields: ['Host:'] }],
    ['an image', { fields: ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image'] }],
    ['a link', { fields: ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-User: ?1'] }],
    ['a frame', { fields: ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Dest: iframe'] }],
    ['a page on another local port', { fields: ['Sec-Fetch-Site: same-site', 'Origin: http://127.0.0.1:1'] }],
    ['same-site alone', { fields: ['Sec-Fetch-Site: same-site'] }],
    ['two fetch sites', { fields: ['Sec-Fetch-Site: none', 'Sec-Fetch-Site: cross-site'] }],
    ['a form of text', { body: '{"a":"=1"}', fields: ['Origin: https://evil.test', 'Content-Type: text/plain'] }],
    [
      'a form',
      { body: 'a=b', fields: ['Origin: http://evil.test', 'Content-Type: application/x-www-form-urlencoded'] },
    ],
    ['JSON of another site', { body: '{}', fields: ['Origin: http://evil.test', json] }],
    ['a sandboxed page', { body: '{}', fields: ['Origin: null', json] }],
    ['a file', { fields: ['Origin: file://'] }],
    ['an extension', { fields: ['Origin: chrome-extension://abcdef'] }],
    ['the own name over https', { fields: [`Origin: https://127.0.0.1:${port}`] }],
    ['the own name on another port', { fields: ['Origin: http://127.0.0.1:80'] }],
    ['an origin that starts like ours', { fields: [`${own}.evil.test`] }],
    ['an empty origin', { fields: ['Origin:'] }],
    ['two origins', { fields: [own, 'Origin: http://evil.test'] }],
    ['a WebSocket', { fields: ['Origin: http://evil.test', 'Connection: Upgrade', 'Upgrade: websocket'] }],
    [
      'a rebound page',
      { host: `evil.test:${port}`, fields: [`Origin: http://evil.test:${port}`, 'Sec-Fetch-Site: same-origin'] },
    ],
  ]
}

/** An admin side that counts what it is made to do. */
async function countingAdmin(t: Test) {
  const state = t.testdir({})
  const done: string[] = []
  const note =
    <T>(what: string, result: T) =>
    () => {
      done.push(what)
      return result
    }
  const change: Partial<Managed> = {
    reload: note('reload', Promise.resolve({ ok: true, needsRestart: [] } as const)),
    drain: note('drain', undefined),
    serving: serving({
      resetBreaker: note('reset', Promise.resolve(true)),
      watch: note('watch', () => undefined),
      exchanges: note('exchanges', Promise.resolve([])),
    }),
  }
  const admin = await startAdminServer(ANY, managed(state, change), QUIET_WORLD)
  t.teardown(admin.close)
  const port = admin.address.kind === 'tcp' ? admin.address.port : 0
  const token = `Authorization: Bearer ${readFileSync(tokenPath(state), 'utf8').trim()}`
  return { port, token, done }
}

test('T2: nothing that a browser can send from another site is answered or done by the admin side', async t => {
  const { port, token, done } = await countingAdmin(t)
  const paths = [
    '/v1/reload',
    '/v1/drain',
    '/v1/breakers/x/reset',
    '/v1/credentials/x/refresh',
    '/v1/idempotency/a/resolve',
  ]
  const all = rows(port)
  t.ok(all.length >= 40)
  for (const [index, [name, sent]] of all.entries()) {
    // Even with the token: a page that came by it must still be of this machine.
    const fields = [...(sent.fields ?? []), token]
    const changed = await send(port, paths[index % paths.length] as string, { ...sent, method: 'POST', fields })
    t.equal(changed.status, 403, `POST: ${name}`)
    for (const path of ['/v1/exchanges', '/v1/events', '/metrics', '/']) {
      const read = await send(port, path, { ...sent, method: 'GET' })
      t.equal(read.status, 403, `GET ${path}: ${name}`)
      t.match(read.text, '"code":"cross_site"', name)
      t.notMatch(read.head, /access-control/i, name)
    }
  }
  t.same(done, [])
})

test('T2: a target that names another host, and a second Host, are refused by the admin side', async t => {
  const { port, token, done } = await countingAdmin(t)
  const post = { method: 'POST', fields: [token] }
  t.equal((await send(port, `http://localhost:${port}/v1/reload`, post)).status, 403)
  t.equal((await send(port, 'http://evil.test/v1/reload', post)).status, 403)
  t.equal((await send(port, '*', { method: 'OPTIONS' })).status, 403)
  t.equal((await send(port, '/v1/reload', { ...post, fields: [token, 'Host: evil.test'] })).status, 403)
  t.equal(
    (await send(port, '/v1/reload', { ...post, host: 'evil.test', fields: [token, `Host: localhost:${port}`] })).status,
    403,
  )
  t.same(done, [])
  t.equal((await send(port, '/v1/reload', post)).status, 200)
  t.same(done, ['reload'])
})

test('T2, FP-25: nothing that a browser can send from another site reaches an upstream through a mount', async t => {
  const upstream = await startUpstream(() => answer(200, 'spent'))
  t.teardown(() => upstream.close())
  const daemon = await startTestDaemon(`
routes:
  - { name: api, match: { host: api.test }, mount: /api, upstream: "${upstream.url}" }
`)
  t.teardown(() => daemon.close())
  for (const [name, sent] of rows(daemon.port)) {
    for (const method of ['GET', 'POST']) {
      const answered = await send(daemon.port, '/api/items', { ...sent, method })
      t.ok(answered.status === 403 || answered.status === 400, `${method}: ${name}: ${answered.status}`)
      t.notMatch(answered.text, 'spent', name)
      t.notMatch(answered.head, /access-control/i, name)
    }
  }
  const two = { host: `127.0.0.1:${daemon.port}`, fields: ['Host: evil.test'] }
  t.equal((await send(daemon.port, '/api/items', two)).status, 400, 'two Hosts')
  t.equal(upstream.connections(), 0)
  t.equal((await send(daemon.port, '/api/items')).status, 200)
})

test('T3: the daemon does not carry a request to its own admin side', async t => {
  const daemon = await startTestDaemon(undefined, '127.0.0.1:0', process.env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const { admin } = daemon.daemon
  const port = admin?.kind === 'tcp' ? admin.port : 0
  for (const name of ['127.0.0.1', 'localhost', '127.0.0.2', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]']) {
    const answered = await send(daemon.port, `http://${name}:${port}/v1/status`, { host: `${name}:${port}` })
    t.ok(answered.status >= 400, `${name}: ${answered.status}`)
    t.notMatch(answered.text, 'uptime_s', name)
  }
})
