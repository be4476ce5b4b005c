import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Managed } from '../../src/admin/managed.js'
import { startAdminServer } from '../../src/admin/server.js'
import type { ListenAddress } from '../../src/config/config.js'
import { BindError } from '../../src/listener/doors.js'
import { NO_LOAD } from '../../src/metrics/load.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { type Store, StoreError } from '../../src/store/store.js'
import { systemClock } from '../../src/time/clock.js'
import { jsonIn, send } from '../support/admin.js'
import { rawExchange } from '../support/client.js'
import { credentialStatus } from '../support/credential-status.js'
import { credentialsThatAre, managed, QUIET_WORLD, serving } from '../support/managed.js'
import { shortDir } from '../support/short-dir.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

async function start(t: Test, change: Partial<Managed> = {}, address: ListenAddress = ANY) {
  const admin = await startAdminServer(address, managed(t.testdir({}), change), QUIET_WORLD)
  t.teardown(admin.close)
  return admin.address.kind === 'tcp' ? admin.address.port : 0
}

const draining = serving({ load: async () => ({ ...NO_LOAD, draining: true }) })

const store = (get: Store['get']): Store => ({ ...memoryStore(systemClock), get })

t.test('health is good while it runs, readiness ends with draining', async t => {
  const ready = await start(t)
  t.match(await send(ready, '/healthz'), { status: 200, text: '{"status":"ok"}' })
  t.match(await send(ready, '/readyz'), { status: 200, text: '{"status":"ready","problems":[]}' })
  const ends = await start(t, { serving: draining })
  t.match(await send(ends, '/readyz'), { status: 503, text: /^\{"status":"draining","problems":\["it drains/ })
  t.equal((await send(ends, '/healthz')).status, 200)
})

t.test(
  'a credential that waits for a login, and a store that fails, make it not ready; status says so, too',
  async t => {
    const waits = credentialStatus({ source: 'oauth2', state: 'needs_login', error: 'run mulligan login vendor' })
    const broken = store(() => Promise.reject(new StoreError('unreachable', 'Redis on 127.0.0.1:1 does not answer')))
    const port = await start(t, {
      credentials: () => credentialsThatAre([waits, { ...waits, name: 'other', state: 'cooling' }]),
      stores: () => ({ claims: store(async () => undefined), ledger: broken }),
    })
    const problems = [
      'credential vendor waits for somebody to do something: run mulligan login vendor',
      'the store of the ledger fails: Redis on 127.0.0.1:1 does not answer',
    ]
    const answered = await send(port, '/readyz')
    t.equal(answered.status, 503)
    t.same(jsonIn(answered), { status: 'not-ready', problems })
    t.match(jsonIn(await send(port, '/v1/status')), { ready: false, problems, draining: false })
  },
)

t.test('FP-21: /ca.pem gives the certificate as it is now to everyone who names the port rightly', async t => {
  let pem: string | undefined
  const port = await start(t, { caPem: () => pem })
  t.match(await send(port, '/ca.pem'), { status: 404, text: /no TLS is intercepted here/ })
  pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
  const answered = await send(port, '/ca.pem', { host: 'localhost' })
  t.match(answered.header('content-type'), /^application\/x-pem-file(?:; charset=utf-8)?$/)
  t.equal(answered.text, pem)
  t.equal((await send(port, '/ca.pem', { host: 'evil.example' })).status, 403)
})

t.test('/v1/status says what the daemon is', async t => {
  const port = await start(t)
  const answered = await send(port, '/v1/status')
  t.match(answered.header('content-type'), 'application/json')
  t.same(jsonIn(answered), {
    version: jsonIn(answered)['version'],
    pid: process.pid,
    uptime_s: 61,
    workers: 1,
    draining: false,
    ready: true,
    problems: [],
    proxy: ['http://127.0.0.1:8402'],
    mounts: 'same',
    load: NO_LOAD,
    credentials: [],
  })
  t.match(jsonIn(answered)['version'], /^\d+\.\d+\.\d+/)
})

t.test('every refusal is a problem document with the security fields, whoever refuses', async t => {
  const port = await start(t)
  const json = ['Content-Type: application/json']
  const rows: [string, number, string, Parameters<typeof send>[1], Parameters<typeof send>[2]?][] = [
    ['nothing there', 404, 'not_found', '/nothing'],
    ['nothing there, by the way of a folder', 404, 'not_found', '/page/..%2f..%2fpackage.json'],
    ['not there any more', 404, 'not_found', '/v1/exchanges/none'],
    ['a change as a read', 405, 'method_not_allowed', '/v1/reload'],
    ['a read as a change', 405, 'method_not_allowed', '/v1/status', { method: 'POST', fields: json, body: '{}' }],
    ['another method', 405, 'method_not_allowed', '/v1/exchanges/a-1', { method: 'DELETE' }],
    ['a preflight', 405, 'method_not_allowed', '/v1/status', { method: 'OPTIONS' }],
    ['a path that is no text', 400, 'bad_request', '/v1/%ff'],
    ['a name longer than any', 404, 'not_found', `/v1/exchanges/${'a'.repeat(3_000)}`],
    ['a parameter that is not', 400, 'bad_request', '/v1/exchanges?limits=1'],
    ['a parameter of nothing', 400, 'bad_request', '/v1/status?a'],
    ['a number out of range', 400, 'bad_request', '/v1/exchanges?limit=0'],
    ['a number that is none', 400, 'bad_request', '/v1/exchanges?limit=1e2'],
    ['a parameter twice', 400, 'bad_request', '/v1/exchanges?limit=1&limit=2'],
    ['a word for yes', 400, 'bad_request', '/v1/exchanges?notable=1'],
    ['an empty word', 400, 'bad_request', '/v1/exchanges?route='],
    ['no time', 400, 'bad_request', '/v1/ledger?since=yesterday'],
    ['a foreign name', 403, 'cross_site', '/nothing', { host: 'evil.example' }],
  ]
  for (const [name, status, code, path, sent] of rows) {
    const answered = await send(port, path, sent)
    t.match(answered.header('content-type'), 'application/problem+json', name)
    t.match(jsonIn(answered), { type: `urn:mulligan:admin:${code}`, title: /\w/, status, detail: /\w/, code }, name)
    t.equal(answered.status, status, name)
    t.equal(answered.header('x-content-type-options'), 'nosniff', name)
    t.match(answered.header('content-security-policy'), "default-src 'none'", name)
  }
  t.equal((await send(port, '/v1/drain', { method: 'PUT' })).header('allow'), 'POST')
  t.equal((await send(port, '/v1/status', { method: 'PUT' })).header('allow'), 'GET, HEAD')
  t.equal((await send(port, '/v1/events', { method: 'HEAD' })).header('allow'), 'GET')
})

t.test('bytes that are no request are told so, and fields without end are not read to it', async t => {
  const port = await start(t)
  const rows: [string, RegExp][] = [
    ['GET / HTTP/1.1 and more\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n.*"code":"bad_request"/s],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 .*"fields_too_large"/s],
  ]
  for (const [bytes, said] of rows) t.match(await rawExchange(port, bytes), said)
})

t.test('answers forbid everything that a page could make of them, and what changes is not kept', async t => {
  const port = await start(t)
  for (const path of ['/', '/healthz', '/metrics', '/v1/status', '/v1/config']) {
    const answered = await send(port, path)
    t.equal(answered.status, 200, path)
    const names = ['x-content-type-options', 'referrer-policy', 'x-frame-options', 'cross-origin-resource-policy']
    for (const name of names) t.ok(answered.header(name), `${path} has ${name}`)
    const policy = answered.header('content-security-policy') ?? ''
    t.match(policy, /default-src 'none';.*script-src 'self';.*frame-ancestors 'none'/)
    t.notMatch(policy, 'unsafe')
    t.notMatch(answered.head, /access-control/i)
    if (path.startsWith('/v1/')) t.equal(answered.header('cache-control'), 'no-store', path)
  }
})

t.test('a probe of a container reaches it under an address, a page under a public name does not', async t => {
  const port = await start(t, {}, { ...ANY, host: '0.0.0.0' })
  t.equal((await send(port, '/healthz', { host: '10.1.2.3:8403' })).status, 200)
  t.equal((await send(port, '/healthz', { host: 'evil.example' })).status, 403)
})

t.test('HEAD tells what GET would, without saying it', async t => {
  const answered = await send(await start(t), '/v1/status', { method: 'HEAD' })
  t.equal(answered.status, 200)
  t.ok(Number(answered.header('content-length')) > 0)
  t.equal(answered.body.length, 0)
})

t.test('a unix socket is for its owner alone, and one that a crash left over is taken over', async t => {
  const path = join(shortDir(t), 'a.sock')
  const address = { kind: 'unix', path } as const
  const program = `require('node:net').createServer().listen(process.argv[1], () => console.log('there'))`
  const other = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(other.stdout, 'data')
  await t.rejects(startAdminServer(address, managed(t.testdir({})), QUIET_WORLD), /is taken: another mulligan answers/)
  other.kill('SIGKILL')
  await once(other, 'close')
  t.ok(existsSync(path), 'its file stays')
  await start(t, {}, address)
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('a taken admin address is a BindError that says what to choose', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const attempt = () => startAdminServer({ ...ANY, port }, managed(t.testdir({})), QUIET_WORLD)
  await t.rejects(attempt(), BindError)
  await t.rejects(attempt(), /--admin off/)
  const file = join(shortDir(t), 'file')
  writeFileSync(file, '')
  await t.rejects(startAdminServer({ kind: 'unix', path: file }, managed(t.testdir({})), QUIET_WORLD), BindError)
})
