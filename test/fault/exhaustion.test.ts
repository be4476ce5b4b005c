import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Answer, readAnswer, request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { fileHog, leaveFiles, NO_LIMITS } from '../support/file-hog.js'
import { openSecure } from '../support/intercepted.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { makeHome } from '../support/mulligan.js'
import { answer, startUpstream, type TestUpstream } from '../support/upstream.js'
import { isPaid, REFUSAL } from '../support/x402/scripted-seller.js'
import { payer } from '../support/x402/shop.js'

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()

const config = (port: number, folder: string) => `
state: ${folder}/state
credentials:
  vendor: { min_interval: 1ms, source: { oauth2: { token_url: "http://127.0.0.1:${port}/token", grant: client_credentials, client_id: me, client_auth: none } } }
  file: { min_interval: 1ms, source: { file: ${folder}/token } }
  program: { min_interval: 1ms, source: { exec: { command: [echo, printed] } } }
  jwt: { min_interval: 1ms, source: { oauth2: { token_url: "http://127.0.0.1:${port}/token", grant: jwt_bearer, jwt: { iss: me, alg: ES256, key: { file: ${folder}/key.pem } } } } }
wallets:
  agent: { evm: { key: { file: ${folder}/wallet } }, networks: ["eip155:84532"], assets: [USDC], limits: { per_request: "0.01 USDC" } }
routes:
  - { name: vendor, match: { host: 127.0.0.1, path: /vendor }, credential: vendor }
  - { name: file, match: { host: 127.0.0.1, path: /file }, credential: file }
  - { name: program, match: { host: 127.0.0.1, path: /program }, credential: program }
  - { name: jwt, match: { host: 127.0.0.1, path: /jwt }, credential: jwt }
  - { name: paid, match: { host: 127.0.0.1, path: /paid }, payment: { wallet: agent } }
  - { name: keyed, match: { host: 127.0.0.1, path: /keyed }, idempotency: { replay: { ttl: 1h } } }
  - { name: secure, match: { host: api.test }, retry: { attempts: 2 }, upstream: "http://127.0.0.1:${port}" }
  - { name: all, match: { host: "*" }, body: { memory: 64KiB, spill: 32MiB } }
`

type Scene = {
  readonly daemon: LiveDaemon
  readonly upstream: TestUpstream
  readonly state: string
  readonly ask: (path: string, body?: string) => Promise<Answer>
  readonly leave: (free: number | 'all') => Promise<void>
  /** Files that the daemon has open. */
  readonly open: () => number
}

async function scene(t: Test): Promise<Scene> {
  const upstream = await startUpstream(seen => {
    if (seen.path === '/paid' && !isPaid(seen)) return REFUSAL
    if (seen.path !== '/token') return answer(200, 'in', 'Connection: close')
    const token = { access_token: `t${seen.number}`, token_type: 'Bearer', expires_in: 600 }
    return answer(200, JSON.stringify(token), 'Content-Type: application/json')
  })
  t.teardown(() => upstream.close())
  const home = makeHome(t, '')
  writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', config(upstream.port, home.folder))
  const secrets = { token: 'written', 'key.pem': PEM, wallet: payer.key }
  for (const [name, text] of Object.entries(secrets)) writeFileSync(join(home.folder, name), text, { mode: 0o600 })
  const daemon = await startLive(t, { ...home, env: { ...home.env, NODE_OPTIONS: fileHog(home) } })
  return {
    daemon,
    upstream,
    state: join(home.folder, 'state'),
    ask: (path, body) => {
      const fields = ['Idempotency-Key: order-abcdefgh', 'Connection: close']
      return request(daemon.port, `${upstream.url}${path}`, body === undefined ? {} : { method: 'POST', body, fields })
    },
    leave: free => leaveFiles(home, daemon, free),
    open: () => readdirSync(`/proc/${daemon.pid}/fd`).length,
  }
}

/** As long as a daemon that has its files again may take to be what it was. */
const RECOVERS = 15_000

/** Until nothing that it began has files open: the code it loads in the background, connections that end. */
async function settled(open: () => number): Promise<void> {
  let [files, since, looks] = [open(), performance.now(), 0]
  await until(() => {
    if (open() !== files) [files, since, looks] = [open(), performance.now(), 0]
    // Many looks: one alone may follow on a standstill of the whole machine.
    return ++looks > 50 && performance.now() - since > 300
  })
}

/** Asks until it is served. @returns after how many milliseconds */
async function recovered(ask: () => Promise<string>): Promise<number> {
  const since = performance.now()
  while ((await ask()) !== '200 in' && performance.now() - since < RECOVERS);
  return performance.now() - since
}

/** Every way in which a daemon needs a file for a request, first of all the modules that it loads when they are needed. */
function waysOf({ daemon, state, ask }: Scene): Record<string, () => Promise<string>> {
  const said = ({ status, text }: Answer) => `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? text}`
  const paths = ['/vendor', '/jwt', '/file', '/program', '/paid', '/']
  const plain = paths.map(path => [path, async () => said(await ask(path))] as const)
  return {
    ...Object.fromEntries(plain),
    tls: async () => {
      try {
        const socket = await openSecure(daemon.port, 'api.test:443', {
          ca: readFileSync(join(state, 'ca.pem'), 'utf8'),
        })
        const answered = readAnswer(socket)
        socket.write('GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n')
        return said(await answered)
      } catch {
        return '0 '
      }
    },
    keyed: async () => said(await ask('/keyed', '{}')),
    'kept on disk': async () => said(await ask('/big', 'b'.repeat(500_000))),
  }
}

test('F30, T16: whatever there is no file for fails by itself, and is well as soon as there are files again', {
  skip: NO_LIMITS,
}, async t => {
  const all = await scene(t)
  const { daemon, leave, open, upstream } = all
  await settled(open)
  const before = open()
  const ways = Object.entries(waysOf(all))
  // One is the client's own connection.
  for (const free of [1, 2, 3, 0]) {
    await settled(open)
    await leave(free)
    const ends: string[] = []
    for (const [name, way] of ways) {
      // The last client's connection may not have ended yet.
      let end = await way()
      for (let tries = 0; free > 0 && end === '0 ' && tries < 20; tries++) end = await way()
      ends.push(`${name}: ${end}`)
      t.match(
        end,
        free === 0 ? /^0 $/ : /^(?:0 |200 in|503 (?:overloaded|token_unavailable)|402 .*)$/,
        `${name}, ${free} free`,
      )
    }
    t.comment(`${free} free: ${ends.join(', ')}`)
    await leave('all')
    for (const [name, way] of ways) t.ok((await recovered(way)) < RECOVERS, `${name} is served again`)
  }
  await until(() => open() <= before + 2)
  t.notMatch(daemon.printed(), /bug in mulligan/)
  t.notMatch(await (await fetch(`http://${daemon.admin}/v1/breakers`)).text(), /"open"/, 'no upstream is blamed')
  t.ok(upstream.seen.length > 0)
})
