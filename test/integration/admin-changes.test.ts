import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import pino from 'pino'
import { type Test, test } from 'tap'
import type { Managed } from '../../src/admin/managed.js'
import { startAdminServer } from '../../src/admin/server.js'
import { tokenPath } from '../../src/admin/token.js'
import { systemClock } from '../../src/time/clock.js'
import { adminPort, jsonIn, send } from '../support/admin.js'
import { request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { startLive } from '../support/live-daemon.js'
import { managed, serving } from '../support/managed.js'
import { makeHome } from '../support/mulligan.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const
const JSON_TYPE = 'Content-Type: application/json'
const CHANGES: [path: string, body?: string][] = [
  ['/v1/reload'],
  ['/v1/drain'],
  ['/v1/credentials/vendor/refresh'],
  ['/v1/breakers/http%3A%2F%2Fapi.test%3A80/reset'],
  ['/v1/idempotency/0123456789ab/resolve', '{"outcome":"not-executed"}'],
]

/** An admin side over a state directory; what it logs and what it was made to do. */
async function start(t: Test, state: string) {
  const logged: Record<string, unknown>[] = []
  const sink = new Writable({
    write: (line: Buffer, _encoding, done) => {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>)
      done()
    },
  })
  const done: string[] = []
  const change: Partial<Managed> = {
    reload: async () => {
      done.push('reload')
      return { ok: true, needsRestart: [] }
    },
    drain: () => void done.push('drain'),
    credentials: () => {
      done.push('credentials')
      return undefined
    },
    stores: () => {
      done.push('stores')
      return { claims: undefined, ledger: undefined }
    },
    serving: serving({
      resetBreaker: async () => {
        done.push('reset')
        return true
      },
    }),
  }
  const admin = await startAdminServer(ANY, managed(state, change), { clock: systemClock, logger: pino(sink) })
  t.teardown(admin.close)
  return { port: admin.address.kind === 'tcp' ? admin.address.port : 0, logged, done }
}

const bearer = (token: string) => `Authorization: Bearer ${token}`
const tokenOf = (state: string) => readFileSync(tokenPath(state), 'utf8').trim()

test('T2: every change without the token, or with another, is a 401 that changes nothing', async t => {
  const state = t.testdir({})
  const { port, done } = await start(t, state)
  const token = tokenOf(state)
  const wrong: [string, string[]][] = [
    ['none', []],
    ['an empty one', ['Authorization:']],
    ['only the word', ['Authorization: Bearer ']],
    ['another', [bearer(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)]],
    ['a part', [bearer(token.slice(0, -1))]],
    ['more', [bearer(`${token}A`)]],
    ['two words', [bearer(`${token} ${token}`)]],
    ['Basic', [`Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`]],
    ['without the word', [`Authorization: ${token}`]],
    ['as a cookie', [`Cookie: token=${token}`]],
  ]
  for (const [path, body] of CHANGES) {
    for (const [name, fields] of wrong) {
      const sent = { method: 'POST', fields: [...fields, JSON_TYPE], ...(body !== undefined && { body }) }
      const answered = await send(port, path, sent)
      t.equal(answered.status, 401, `${path}: ${name}`)
      t.equal(answered.header('www-authenticate'), 'Bearer realm="mulligan"', name)
      t.match(jsonIn(answered), { code: 'token_needed', detail: /admin\.token/ }, name)
    }
    t.equal((await send(port, `${path}?token=${token}`, { method: 'POST' })).status, 401, `${path}: in the query`)
  }
  t.same(done, [])
  t.equal((await send(port, '/v1/reload', { method: 'POST', fields: [`authorization: bearer ${token}`] })).status, 200)
  t.same(done, ['reload'])
})

test('the token is 32 random bytes, for its owner alone, and stays over restarts', async t => {
  const state = join(shortDir(t), 'new', 'state')
  const first = await start(t, state)
  const token = tokenOf(state)
  t.match(token, /^[A-Za-z0-9_-]{43}$/)
  t.equal(statSync(tokenPath(state)).mode & 0o777, 0o600)
  t.equal(statSync(state).mode & 0o777, 0o700)
  const again = await start(t, state)
  t.equal(tokenOf(state), token)
  t.same([...first.logged, ...again.logged], [])
  const other = join(shortDir(t), 'state')
  await start(t, other)
  t.not(tokenOf(other), token)
})

test('T2: a token that others could know is of no use, and the log says why', async t => {
  const good = 'a'.repeat(43)
  const rows: [string, RegExp, (path: string, state: string) => void][] = [
    ['others may read it', /others may read or write it; chmod 600/, path => writeMode(path, good, 0o644)],
    ['its group may write it', /others may read or write it/, path => writeMode(path, good, 0o620)],
    [
      'a link',
      /^it is a link$/,
      (path, state) => {
        writeMode(join(state, 'elsewhere'), good, 0o600)
        symlinkSync(join(state, 'elsewhere'), path)
      },
    ],
    ['a link to nothing', /^it is a link$/, (path, state) => symlinkSync(join(state, 'nowhere'), path)],
    ['empty', /^it holds no token of 32/, path => writeMode(path, '', 0o600)],
    ['short', /^it holds no token of 32/, path => writeMode(path, 'secret', 0o600)],
    ['a folder', /^it is no file$/, path => mkdirSync(path, { mode: 0o700 })],
    ['far too long', /^it holds no token of 32/, path => writeMode(path, 'a'.repeat(5_000), 0o600)],
  ]
  for (const [name, reason, prepare] of rows) {
    const state = shortDir(t)
    prepare(tokenPath(state), state)
    const { port, logged, done } = await start(t, state)
    t.match(logged, [{ level: 40, reason, file: tokenPath(state), msg: /^the admin token is of no use/ }], name)
    for (const token of [good, '', 'secret', 'undefined']) {
      const answered = await send(port, '/v1/reload', { method: 'POST', fields: [bearer(token)] })
      t.equal(answered.status, 401, name)
      t.match(jsonIn(answered)['detail'], /changes are off.*log says why/, name)
    }
    t.equal((await send(port, '/v1/status')).status, 200, `${name}: reading goes on`)
    t.notOk(done.includes('reload'), name)
  }
})

test('a state directory that cannot be made leaves changes off', async t => {
  const file = join(shortDir(t), 'file')
  writeFileSync(file, '')
  const { port, logged } = await start(t, join(file, 'state'))
  t.match(logged, [{ level: 40, reason: 'ENOTDIR' }])
  t.equal((await send(port, '/v1/reload', { method: 'POST', fields: [bearer('a'.repeat(43))] })).status, 401)
})

function writeMode(path: string, text: string, mode: number): void {
  writeFileSync(path, text)
  chmodSync(path, mode)
}

test('a body is JSON, small, and says what is asked', async t => {
  const state = t.testdir({})
  const { port, done } = await start(t, state)
  const path = '/v1/idempotency/0123456789ab/resolve'
  const rows: [string, number, string, string][] = [
    ['text', 415, 'Content-Type: text/plain', '{"outcome":"executed"}'],
    ['a form', 415, 'Content-Type: application/x-www-form-urlencoded', 'outcome=executed'],
    ['no type', 415, 'X: y', '{"outcome":"executed"}'],
    ['broken', 400, JSON_TYPE, '{"outcome":'],
    ['another word', 400, JSON_TYPE, '{"outcome":"perhaps"}'],
    ['a word besides', 400, JSON_TYPE, '{"outcome":"executed","force":true}'],
    ['a word twice', 400, JSON_TYPE, '{"outcome":"executed","outcome":"not-executed"}'],
    ['a list', 400, JSON_TYPE, '["executed"]'],
    ['nothing', 400, JSON_TYPE, ''],
    ['without end', 413, JSON_TYPE, `"${'a'.repeat(20_000)}"`],
  ]
  for (const [name, status, type, body] of rows) {
    const answered = await send(port, path, { method: 'POST', fields: [bearer(tokenOf(state)), type], body })
    t.equal(answered.status, status, name)
    t.match(answered.header('content-type'), 'application/problem+json', name)
  }
  t.same(done, [])
  const sent = { method: 'POST', fields: [bearer(tokenOf(state)), JSON_TYPE], body: '{"outcome":"executed"}' }
  t.equal((await send(port, path, sent)).status, 404, 'there is no such claim')
})

test('a breaker is closed again by its origin, and the next request goes upstream', async t => {
  let status = 500
  const upstream = await startUpstream(() => answer(status))
  t.teardown(() => upstream.close())
  const yaml = `routes: [{ name: api, match: { host: 127.0.0.1 }, retry: off, breaker: { failures: 2, open: 60s } }]`
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', process.env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const port = adminPort(daemon)
  for (const wanted of [500, 500, 503]) t.equal((await request(daemon.port, upstream.url)).status, wanted)
  t.match(jsonIn(await send(port, '/v1/breakers')), { breakers: [{ origin: upstream.url, breaker: 'open' }] })
  status = 200
  const change = { method: 'POST', fields: [bearer(tokenOf(daemon.state))] }
  const reset = await send(port, `/v1/breakers/${encodeURIComponent(upstream.url)}/reset`, change)
  t.same(jsonIn(reset), { origin: upstream.url, reset: true })
  t.equal((await request(daemon.port, upstream.url)).status, 200)
  t.match(jsonIn(await send(port, '/v1/breakers')), { breakers: [{ origin: upstream.url, breaker: 'closed' }] })
  const unknown = await send(port, `/v1/breakers/${encodeURIComponent('http://none.test:80')}/reset`, change)
  t.equal(unknown.status, 404)
})

test('T4: a token is renewed by hand as soon as its pace allows, and not sooner', async t => {
  const upstream = await startUpstream(() => answer(200, 'ok'))
  t.teardown(() => upstream.close())
  const folder = shortDir(t)
  const file = join(folder, 'token.txt')
  writeMode(file, 'one', 0o600)
  const yaml = `
credentials:
  vendor: { min_interval: 1ms, source: { exec: { command: [cat, "${file}"] } } }
  slow: { source: { exec: { command: [cat, "${file}"] } } }
  none: { source: { exec: { command: [cat, "${file}.none"] } } }
routes:
  - { name: api, match: { host: 127.0.0.1 }, credential: vendor }
`
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', process.env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const refresh = (name: string) =>
    send(adminPort(daemon), `/v1/credentials/${name}/refresh`, {
      method: 'POST',
      fields: [bearer(tokenOf(daemon.state))],
    })
  t.match(jsonIn(await refresh('vendor')), { credential: { name: 'vendor', generation: 1, state: 'valid' } })
  writeMode(file, 'two', 0o600)
  const since = performance.now()
  await until(() => performance.now() - since > 1)
  t.match(jsonIn(await refresh('vendor')), { credential: { name: 'vendor', generation: 2, state: 'valid' } })
  await request(daemon.port, `${upstream.url}/`)
  t.equal(upstream.seen[0]?.header('authorization'), 'Bearer two')
  t.equal((await refresh('slow')).status, 200)
  const early = await refresh('slow')
  t.equal(early.status, 502)
  t.match(jsonIn(early), { code: 'refresh_failed', detail: 'it was renewed just now' })
  const failed = await refresh('none')
  t.equal(failed.status, 502)
  t.match(jsonIn(failed)['detail'], /\S/)
  t.equal((await refresh('unknown')).status, 404)
})

test('F7: a reload is in force when it is answered, and a broken file is reported with its place', async t => {
  const home = makeHome(t, 'routes: [{ name: one, match: { host: "*" } }]\n')
  const file = String(home.env['MULLIGAN_CONFIG'])
  const daemon = await startLive(t, { ...home, env: { ...home.env, XDG_STATE_HOME: home.folder } })
  const port = Number(daemon.admin.split(':')[1])
  const token = bearer(tokenOf(join(home.folder, 'mulligan')))
  const reload = () => send(port, '/v1/reload', { method: 'POST', fields: [token] })
  const routes = async () => jsonIn(await send(port, '/v1/routes'))
  t.match(await routes(), { routes: [{ name: 'one', match: '*', requests: 0 }] })
  writeFileSync(file, 'routes: [{ name: two, match: { host: "*" } }]\n')
  t.same(jsonIn(await reload()), { reloaded: true, needs_restart: [] })
  t.match(await routes(), { routes: [{ name: 'two' }] })
  writeFileSync(file, 'routes:\n  - { name: three, match: { host: "*" }, retries: secret-thing }\n')
  const broken = await reload()
  t.equal(broken.status, 422)
  t.match(jsonIn(broken), { code: 'config_refused', detail: /mulligan\.yaml:2:\d+: routes\.0\.retries: / })
  t.notMatch(broken.text, 'secret-thing')
  t.match(await routes(), { routes: [{ name: 'two' }] })
})

test('F5: drain is answered before the daemon ends, and what runs is finished', async t => {
  let letGo = (_text: string) => {}
  const held = new Promise<string>(resolve => (letGo = resolve))
  let arrive = () => {}
  const arrived = new Promise<void>(resolve => (arrive = resolve))
  const upstream = await startUpstream(() => {
    arrive()
    return held
  })
  t.teardown(() => upstream.close())
  const home = makeHome(t, 'routes: [{ name: one, match: { host: "*" } }]\n')
  const daemon = await startLive(t, { ...home, env: { ...home.env, XDG_STATE_HOME: home.folder } })
  const port = Number(daemon.admin.split(':')[1])
  const token = bearer(tokenOf(join(home.folder, 'mulligan')))
  const running = request(daemon.port, upstream.url)
  await arrived
  const stream = connect(port, '127.0.0.1')
  stream.on('error', () => undefined)
  const streamed = new Promise(resolve => stream.once('close', resolve))
  stream.write(`GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await once(stream, 'data')
  const drain = await send(port, '/v1/drain', { method: 'POST', fields: [token] })
  t.match(drain, { status: 202, text: '{"draining":true}' })
  await daemon.said(({ msg }) => msg === 'draining')
  t.equal((await send(port, '/readyz')).status, 503)
  // Asked again, and then told by whoever supervises it: neither is in more of a hurry than the first.
  t.equal((await send(port, '/v1/drain', { method: 'POST', fields: [token] })).status, 202)
  daemon.kill('SIGTERM')
  for (let i = 0; i < 5; i++) t.equal((await send(port, '/readyz')).status, 503)
  letGo(answer(200, 'whole'))
  t.match(await running, { status: 200, text: 'whole' })
  stream.resume()
  await streamed
  await daemon.gone
  t.ok(existsSync(join(home.folder, 'mulligan', 'admin.token')), 'the token is kept')
})
