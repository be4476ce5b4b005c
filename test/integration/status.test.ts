import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Managed } from '../../src/admin/managed.js'
import { startAdminServer } from '../../src/admin/server.js'
import { main } from '../../src/cli.js'
import type { ListenAddress } from '../../src/config/config.js'
import type { CredentialStatus } from '../../src/credential/credentials.js'
import { NO_LOAD } from '../../src/metrics/load.js'
import { millis } from '../../src/time/units.js'
import { request } from '../support/client.js'
import { credentialStatus } from '../support/credential-status.js'
import { startLive } from '../support/live-daemon.js'
import { credentialsThatAre, managed, QUIET_WORLD, serving } from '../support/managed.js'
import { makeHome, mulligan } from '../support/mulligan.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

/** Of a daemon that does nothing. */
const ANSWER = {
  version: '1',
  pid: 1,
  uptime_s: 1,
  workers: 1,
  draining: false,
  ready: true,
  problems: [],
  proxy: [],
  mounts: 'same',
  load: NO_LOAD,
  credentials: [],
}

async function status(t: Test, ...words: string[]) {
  const dir = t.testdir({})
  const [out, err]: [string[], string[]] = [[], []]
  const code = await main(['status', ...words], {
    stdout: { write: text => out.push(text) },
    stderr: { write: text => err.push(text) },
    env: { HOME: dir },
    cwd: dir,
  })
  return { code, out: out.join(''), err: err.join('') }
}

/** The admin side of a daemon that is so. */
async function adminOf(t: Test, change: Partial<Managed>, address: ListenAddress = ANY): Promise<string> {
  const uptime = () => millis(7_380_900)
  const admin = await startAdminServer(address, managed(t.testdir({}), { uptime, ...change }), QUIET_WORLD)
  t.teardown(admin.close)
  return admin.address.kind === 'unix' ? `unix:${admin.address.path}` : `127.0.0.1:${admin.address.port}`
}

test('status says what a running daemon is, and how its credentials are; --json the same for programs', async t => {
  const api = await startUpstream(() => answer(200, 'ok'))
  t.teardown(api.close)
  const home = makeHome(
    t,
    `
state: state
credentials: { vendor: { source: { env: CANARY } } }
routes:
  - { name: api, match: { host: 127.0.0.1, port: ${api.port} }, credential: vendor }
`,
  )
  const env = { ...home.env, CANARY: 'canarytoken' }
  const daemon = await startLive(t, { ...home, env })
  const ask = (...words: string[]) => mulligan(['status', '--admin', daemon.admin, ...words], home.env, '', home.folder)
  t.match((await ask()).stdout, /\nvendor {2}asked when a request needs it; no token\n/)
  t.equal((await request(daemon.port, `${api.url}/`)).status, 200)
  const { code, stdout, stderr } = await ask()
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, new RegExp(`^mulligan \\d+\\.\\d+\\.\\d+, process ${daemon.pid}, up for \\d+s\\n`))
  t.match(stdout, `\nproxy   http://127.0.0.1:${daemon.port}\nmounts  same as proxy\nnow     0 requests, `)
  t.match(stdout, '\n\nCredentials\n\nvendor  ')
  t.match(
    stdout,
    /\n\nRoutes\n\nroute +requests +succeeded +rescued +attempts +waited\napi +1 +1 \(100%\) +0 +1 +0s\n$/,
  )
  t.match(stdout, /\nvendor {2}valid; token 1 \([0-9a-f]{8}\) does not say when it ends\n/)
  const asJson = await ask('--json')
  t.match(JSON.parse(asJson.stdout), {
    pid: daemon.pid,
    draining: false,
    proxy: [`http://127.0.0.1:${daemon.port}`],
    mounts: 'same',
    credentials: [
      { name: 'vendor', state: 'valid', usable: true, generation: 1, token: /^[0-9a-f]{8}$/, expires_at: null },
    ],
  })
  t.notMatch(stdout + asJson.stdout, 'canary')
  await daemon.stop()
  t.match(await ask(), { code: 3, stdout: '', stderr: /^mulligan: no daemon answers on 127.* \(ECONNREFUSED\); start/ })
})

test('status tells what each state of a credential means', async t => {
  const ends = Date.now() + 9_000_000
  const held = { generation: 3, print: '0123abcd' } as const
  const failed = { error: 'it said no', retryAfter: millis(61_000) } as const
  const rows: [Partial<CredentialStatus>, string][] = [
    [{}, 'vendor  asked when a request needs it; no token\n        env TOKEN\n'],
    [{ ...held, state: 'none', expiresAt: 1 }, 'asked when a request needs it; token 3 (0123abcd) has ended\n'],
    [{ ...held, state: 'valid', usable: true, expiresAt: ends }, 'valid; token 3 (0123abcd) ends in 2h'],
    [{ ...held, state: 'valid', usable: true }, 'valid; token 3 (0123abcd) does not say when it ends\n'],
    [{ state: 'renewing' }, 'renewing; no token\n'],
    [
      { ...held, ...failed, state: 'cooling', usable: true },
      'failed; token 3 (0123abcd) does not say when it ends\n        env TOKEN\n        it said no; not asked again for 1m 1s\n',
    ],
    [
      { state: 'needs_login', error: 'run mulligan login vendor' },
      'failed until you do something; no token\n        env TOKEN\n        run mulligan login vendor\n',
    ],
    [{ state: 'cooling', error: 'a\u001b[2J\nb' }, '        a.[2J.b\n'],
    [{ ...held, state: 'valid', usable: true, expiresAt: 1e300 }, 'ends in 29'],
  ]
  for (const [change, text] of rows) {
    const admin = await adminOf(t, { credentials: () => credentialsThatAre([credentialStatus(change)]) })
    const { code, out } = await status(t, '--admin', admin)
    t.equal(code, 0)
    t.ok(out.includes(text), `${text} in ${out}`)
  }
})

test('status shows several listeners, and that a daemon drains', async t => {
  const known = {
    proxy: [
      { ...ANY, host: '::1', port: 1 },
      { kind: 'unix', path: '/run/m.sock' },
    ],
    mounts: { ...ANY, port: 2 },
    serving: serving({ load: async () => ({ ...NO_LOAD, draining: true }) }),
  } satisfies Partial<Managed>
  t.match(
    (await status(t, '--admin', await adminOf(t, known))).out,
    /^mulligan \S+, process \d+, up for 2h 3m, draining:.*\n\nproxy {3}http:\/\/\[::1\]:1, unix:\/run\/m\.sock\nmounts {2}http:\/\/127\.0\.0\.1:2\nnow {5}0 requests, .*\n$/,
  )
})

test('status shows workers, what is wrong, the routes that were used, and origins in trouble', async t => {
  const origin = (change: object) =>
    ({ origin: 'https://a.test:443', breaker: 'closed', retry_in_s: 0, waiting: 0, budget: 3, ...change }) as const
  const breakers = [
    origin({}),
    origin({ origin: 'https://b.test:443', breaker: 'open', retry_in_s: 61 }),
    origin({ origin: 'https://c.test:443', waiting: 2 }),
    origin({ origin: 'https://d.test:443', breaker: 'probing' }),
  ] as const
  const counts = { requests: 200, succeeded: 199, rescued: 12, attempts: 214, waited_s: 63 }
  const known = {
    workers: () => 3,
    serving: serving({ breakers: async () => breakers, counts: async () => new Map([['all', counts]]) }),
    credentials: () => credentialsThatAre([credentialStatus({ state: 'needs_login', error: 'log in' })]),
  } satisfies Partial<Managed>
  const admin = await adminOf(t, known)
  const { out } = await status(t, '--admin', admin)
  t.match(
    out,
    /^mulligan \S+, process \d+, 3 workers, up for 2h 3m\nnot ready: credential vendor waits .*log in\n\nproxy/,
  )
  t.match(out, /\nall +200 +199 \(99%\) +12 +214 +1m 3s\n/)
  t.match(
    out,
    /\nOrigins in trouble\n\nhttps:\/\/b\.test:443 {2}breaker open, next probe in 1m 1s\nhttps:\/\/c\.test:443 {2}2 requests waiting at the cooldown gate\nhttps:\/\/d\.test:443 {2}probing\n$/,
  )
  t.match(JSON.parse((await status(t, '--admin', admin, '--json')).out), {
    workers: 3,
    ready: false,
    routes: [{ name: 'all', rescued: 12 }],
    breakers: [{ breaker: 'closed' }, { breaker: 'open' }, { waiting: 2 }, { breaker: 'probing' }],
  })
})

test('an admin side on a unix socket is asked there, and one on all addresses on this machine', async t => {
  const socket = `unix:${join(shortDir(t), 'a.sock')}`
  t.equal(await adminOf(t, {}, { kind: 'unix', path: socket.slice(5) }), socket)
  t.match(await status(t, '--admin', socket), { code: 0, out: /^mulligan / })
  const everywhere = await adminOf(t, {}, { ...ANY, host: '0.0.0.0' })
  t.match(await status(t, '--admin', everywhere.replace('127.0.0.1', '0.0.0.0')), { code: 0, out: /^mulligan / })
})

test('without a daemon there the code is 3, and a remedy is named', async t => {
  const gone = join(shortDir(t), 'none.sock')
  const rows: [string, RegExp][] = [
    ['off', /^mulligan: the admin side is off .*; turn it on: --admin 127\.0\.0\.1:8403\n$/],
    ['127.0.0.1:0', /^mulligan: listen\.admin has port 0, .*: --admin ADDR\n$/],
    [`unix:${gone}`, /^mulligan: no daemon answers on unix:.* \(ENOENT\); start one with `mulligan start`, or .*\n$/],
  ]
  for (const [admin, message] of rows)
    t.match(await status(t, '--admin', admin), { code: 3, out: '', err: message }, admin)
})

test('what answers there but is no mulligan is told from one, whatever it says', async t => {
  const good = ANSWER
  const rows: [string, number, string][] = [
    ['HTML', 200, '<html>'],
    ['nothing', 200, ''],
    ['not found', 404, JSON.stringify(good)],
    ['other JSON', 200, '{"status":"ok"}'],
    ['a wrong type', 200, JSON.stringify({ ...good, pid: 'x' })],
    ['an unknown state', 200, JSON.stringify({ ...good, credentials: [{ name: 'a', state: 'odd' }] })],
    ['no end', 200, ' '.repeat(5_000_000)],
  ]
  for (const [name, code, body] of rows) {
    const server = createServer((_request, response) => response.writeHead(code).end(body)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const said = await status(t, '--admin', `127.0.0.1:${port}`)
    server.closeAllConnections()
    server.close()
    t.match(
      said,
      { code: 3, out: '', err: new RegExp(`^mulligan: 127.* \\(status ${code}\\): it is no mulligan, or`) },
      name,
    )
  }
})

test('a daemon of a newer version may say more, and --json prints that too', async t => {
  const body = { ...ANSWER, version: '9', more: { a: 1 } }
  const server = createServer((_request, response) => response.end(JSON.stringify(body))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { out } = await status(t, '--json', '--admin', `127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.same(JSON.parse(out), body)
})

test('something that takes the connection and says nothing is no daemon', async t => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const said = await status(t, '--admin', `127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.match(said, { code: 3, out: '', err: /\(it takes too long\); start one/ })
})
