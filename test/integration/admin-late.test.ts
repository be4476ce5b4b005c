import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { createAdminApp } from '../../src/admin/app.js'
import { LateApp } from '../../src/admin/late-app.js'
import { startAdminServer } from '../../src/admin/server.js'
import { openToken } from '../../src/admin/token.js'
import type { ListenAddress } from '../../src/config/config.js'
import { send } from '../support/admin.js'
import { rawExchange, untilClosed } from '../support/client.js'
import { ManualClock } from '../support/clock.js'
import { startTestDaemon } from '../support/daemon.js'
import { managed, QUIET_WORLD } from '../support/managed.js'

type App = ReturnType<typeof createAdminApp>

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

const isLoaded = (name: string): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some(path => path.includes(`node_modules/${name}/`))

async function start(t: Test, address: ListenAddress = ANY, world = QUIET_WORLD): Promise<number> {
  const admin = await startAdminServer(address, managed(t.testdir({})), world)
  t.teardown(admin.close)
  return admin.address.kind === 'tcp' ? admin.address.port : 0
}

const TOKEN = `Authorization: Bearer ${'w'.repeat(43)}`
const END = 'Connection: close\r\n\r\n'

/** What anybody may try, in bytes; each ends its connection. */
const attempts = (port: number): readonly string[] => [
  `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${END}`,
  `HEAD /v1/status HTTP/1.1\r\nHost: localhost\r\n${END}`,
  `GET /healthz HTTP/1.1\r\nHost: evil.example\r\n${END}`,
  `GET /healthz HTTP/1.1\r\n${END}`,
  `GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n${END}`,
  `GET /v1/config HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n${END}`,
  `POST /v1/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n${END}`,
  `POST /v1/drain HTTP/1.1\r\nHost: localhost\r\n${TOKEN}\r\nContent-Length: 0\r\n${END}`,
  `POST /v1/drain HTTP/1.1\r\nHost: evil.example\r\n${TOKEN}\r\nContent-Length: 0\r\n${END}`,
  `POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n${END}{}`,
  `POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n${END}${' '.repeat(20_000)}`,
  `GET /%ff HTTP/1.1\r\nHost: localhost\r\n${END}`,
  `GET /nothing HTTP/1.1\r\nHost: localhost\r\n${END}`,
  `PUT /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n${END}`,
  'GET / HTTP/1.1 and more\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`,
]

/** An application that is ready. */
async function realApp(t: Test): Promise<App> {
  const { createAdminApp } = await import('../../src/admin/app.js')
  const state = t.testdir({})
  const app = createAdminApp(ANY, managed(state), openToken(state), QUIET_WORLD)
  t.teardown(() => app.close())
  return app
}

/** Requests that reached the last server. */
let arrived = 0

async function serve(t: Test, app: LateApp): Promise<number> {
  arrived = 0
  const server = createServer((request, response) => {
    arrived++
    app.serve(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

const withoutDate = (text: string): string => text.replace(/^date: .*\r\n/im, '')

// First: what one test has loaded is there for all others.
t.test('a daemon that nobody asks has not loaded what answers', async t => {
  const daemon = await startTestDaemon(undefined, undefined, undefined, '127.0.0.1:0')
  t.teardown(() => daemon.daemon.drain())
  t.notOk(isLoaded('fastify'))
  const { admin } = daemon.daemon
  const port = admin?.kind === 'tcp' ? admin.port : 0
  const all = attempts(port)
  const first = await Promise.all([...all, ...all].map(bytes => rawExchange(port, bytes)))
  t.ok(isLoaded('fastify'), 'it was asked')
  for (const [i, bytes] of all.entries()) {
    const later = withoutDate(await rawExchange(port, bytes))
    t.match(later, /^HTTP\/1\.1 [1-5]\d\d /)
    t.equal(withoutDate(first[i] ?? ''), later, JSON.stringify(bytes.slice(0, 80)))
    t.equal(withoutDate(first[i + all.length] ?? ''), later, 'the one beside it')
  }
})

t.test('the first requests of a connection are answered in their order', async t => {
  const port = await start(t)
  const paths = ['/healthz', '/nothing', '/v1/routes', '/ca.pem']
  const bytes = paths.map((path, i) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${i === 3 ? END : '\r\n'}`).join('')
  const statuses = [...(await rawExchange(port, bytes)).matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
  t.strictSame(statuses, ['200', '404', '200', '404'])
})

t.test('it is loaded after 2 s even when nobody asks, and not by who ended before', async t => {
  let opened = 0
  const clock = new ManualClock()
  const never = async (): Promise<App> => {
    opened++
    throw new Error('not here')
  }
  const world = { ...QUIET_WORLD, clock }
  const [one, other] = [new LateApp(never, world), new LateApp(never, world)]
  for (const app of [one, other]) app.loadSoon()
  await other.close()
  await clock.advanceAsync(1_999)
  t.equal(opened, 0)
  await clock.advanceAsync(1)
  t.equal(opened, 1)
})

t.test('what could not be loaded is a 500 that is logged, and is tried again for the next request', async t => {
  let log = ''
  const write = (line: string) => {
    log += line
  }
  const logger = pino({}, { write })
  const real = await realApp(t)
  let failures = 1
  const app = new LateApp(
    async () => {
      if (failures-- > 0) throw Object.assign(new Error('w'.repeat(43)), { code: 'EMFILE' })
      return real
    },
    { ...QUIET_WORLD, logger },
  )
  const port = await serve(t, app)
  const failed = await send(port, '/healthz')
  t.match(failed, { status: 500, text: /"code":"internal"/ })
  t.match(failed.header('content-security-policy'), /default-src 'none'/)
  t.match(log, /"error":"EMFILE","msg":"the admin side cannot be loaded"/)
  t.notMatch(log, 'www', 'the message of an error may hold anything')
  t.equal((await send(port, '/healthz')).status, 200)
})

t.test('who leaves while it is loaded harms nobody, and it ends while it is loaded', async t => {
  const real = await realApp(t)
  let opened = (_: App): void => {}
  const app = new LateApp(() => new Promise(resolve => (opened = resolve)), QUIET_WORLD)
  const port = await serve(t, app)
  const gone = connect(port, '127.0.0.1', () => gone.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'))
  const stays = untilClosed(
    connect(port, '127.0.0.1'),
    Buffer.from(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n${END}`),
  )
  while (arrived < 2) await turn()
  gone.destroy()
  opened(real)
  t.match(await stays, /^HTTP\/1\.1 200 /)
  const late = new LateApp(() => new Promise(resolve => (opened = resolve)), QUIET_WORLD)
  const other = await serve(t, late)
  const asked = untilClosed(connect(other, '127.0.0.1'), Buffer.from(`GET / HTTP/1.1\r\nHost: localhost\r\n${END}`))
  while (arrived < 1) await turn()
  const closed = late.close()
  opened(await realApp(t))
  await closed
  t.match(await asked, /^HTTP\/1\.1 [25]\d\d /)
})

t.test('localhost is all of its addresses', async t => {
  const all = Object.values(networkInterfaces()).flat()
  const port = await start(t, { kind: 'tcp', host: 'localhost', port: 0 })
  for (const address of ['127.0.0.1', '::1'].filter(one => all.some(there => there?.address === one)))
    t.match(await rawExchange(port, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${END}`, address), /^HTTP\/1\.1 200 /)
})
