import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Answer, type RequestOptions, readAnswer, request, requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import { openSecure, UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { makeHome, PATIENT } from '../support/mulligan.js'
import { DAY, NO_SET_CLOCK, type SetClock, setClock, YEAR } from '../support/set-clock.js'
import { answer, type Script, type Seen, startUpstream, type TestUpstream } from '../support/upstream.js'
import { isPaid, REFUSAL } from '../support/x402/scripted-seller.js'
import { payer } from '../support/x402/shop.js'

const HOUR = 3_600_000
/** Half past noon, so that no hour and no day ends during a test by itself. */
const NOON = 12.5 * HOUR - (Date.now() % DAY)
const STEPS = [-DAY, DAY, YEAR, 0]

const config = (state: string, port: (name: string) => number) => `state: ${state}
store: embedded
${PATIENT}egress: { ca_file: ${state}.roots }
credentials:
  vendor: { min_interval: 1ms, source: { oauth2: { token_url: "http://127.0.0.1:${port('tokens')}/vendor", grant: client_credentials, client_id: me, client_auth: none } } }
  session: { min_interval: 1ms, source: { oauth2: { token_url: "http://127.0.0.1:${port('tokens')}/session", grant: refresh_token, client_id: me, client_auth: none, refresh_token: { env: FIRST } } } }
wallets:
  tight: { evm: { key: { env: WALLET_KEY } }, networks: ["eip155:84532"], assets: [USDC], limits: { per_request: "0.01 USDC", per_hour: "0.02 USDC" } }
  agent: { evm: { key: { env: WALLET_KEY } }, networks: ["eip155:84532"], assets: [USDC], limits: { per_request: "0.01 USDC", per_day: "10 USDC" } }
routes:
  - { name: api, match: { host: api.test }, upstream: "https://localhost:${port('secure')}", retry: { attempts: 2 }, breaker: off }
  - { name: vendor, match: { host: 127.0.0.1, path: /vendor }, credential: vendor, breaker: off }
  - { name: session, match: { host: 127.0.0.1, path: /session }, credential: session, breaker: off }
  - { name: orders, match: { host: 127.0.0.1, path: /orders }, idempotency: { replay: { ttl: 2h } }, breaker: off }
  - { name: tight, match: { host: 127.0.0.1, path: /tight/* }, retry: off, payment: { wallet: tight }, breaker: off }
  - { name: paid, match: { host: 127.0.0.1, path: /paid/* }, retry: off, payment: { wallet: agent }, breaker: off }
  - { name: down, match: { host: 127.0.0.1, path: /down }, retry: off, breaker: { failures: 2, ratio: 1, min_requests: 1000, window: 10s, open: 3s } }
  - { name: all, match: { host: "*" }, breaker: off }
`

/** What the upstream does with a path, until the test says otherwise. */
type Scripts = Map<string, (seen: Seen, socket: Socket) => string | Promise<string>>

type Scene = {
  readonly daemon: LiveDaemon
  readonly state: string
  readonly main: TestUpstream
  readonly tokens: TestUpstream
  readonly scripts: Scripts
  readonly ask: (path: string, options?: RequestOptions) => Promise<Answer>
  /** Sets the daemon's clock, so many milliseconds from noon, and sees in its log that it is set. */
  readonly step: (ms: number) => Promise<void>
  /** Another daemon on the same state, whose clock is wrong by so much. */
  readonly another: (ms: number) => Promise<LiveDaemon>
  readonly admin: (path: string) => Promise<string>
}

/** A daemon in a process of its own, whose clock can be set; the tests are one after the other at it. */
async function scene(t: Test): Promise<Scene> {
  const home = makeHome(t, '')
  const clock = setClock(home)
  const scripts: Scripts = new Map()
  const play: Script = async (seen, socket) => scripts.get(seen.path)?.(seen, socket) ?? answer(200, 'in')
  const [main, other, tokens] = await Promise.all([startUpstream(play), startUpstream(play), startUpstream(play)])
  const secure = await startUpstream(play, { tls: UPSTREAM_CERTIFICATE })
  t.teardown(() => Promise.all([main, other, tokens, secure].map(upstream => upstream.close())))
  const state = join(home.folder, 'state')
  const ports = { tokens: tokens.port, secure: secure.port } as Record<string, number>
  writeFileSync(`${state}.roots`, UPSTREAM_CERTIFICATE.cert)
  writeFileSync(
    home.env['MULLIGAN_CONFIG'] ?? '',
    config(state, name => ports[name] ?? 0),
  )
  const secrets = { WALLET_KEY: payer.key, FIRST: 'refresh-0' }
  const begin = ({ env, set }: SetClock, ms: number) => {
    set(NOON + ms)
    return startLive(t, { folder: home.folder, env: { ...env, ...secrets } })
  }
  const daemon = await begin(clock, 0)
  let steps = 0
  return {
    daemon,
    state,
    main,
    tokens,
    scripts,
    ask: (path, options) => request(daemon.port, `${main.url}${path}`, options),
    step: async ms => {
      clock.set(NOON + ms)
      const path = `/step/${++steps}`
      await request(daemon.port, `${other.url}${path}`)
      const { time } = await daemon.said(record => record['path'] === path)
      const wrong = Date.parse(String(time)) - Date.now() - NOON - ms
      if (!(Math.abs(wrong) < 60_000)) throw new Error(`the log's clock says ${time}`)
    },
    another: async ms => {
      const elsewhere = makeHome(t, '')
      const its = setClock(elsewhere)
      const MULLIGAN_CONFIG = home.env['MULLIGAN_CONFIG']
      return begin({ ...its, env: { ...its.env, MULLIGAN_CONFIG } }, ms)
    },
    admin: async path => (await fetch(`http://${daemon.admin}${path}`)).text(),
  }
}

/** Something that is waited for, and let go by the test. */
function gate() {
  let open: () => void = () => undefined
  const opened = new Promise<void>(resolve => (open = resolve))
  return { opened, open }
}

const daemon = NO_SET_CLOCK ? undefined : await scene(t)

const OPTIONS = { skip: NO_SET_CLOCK }

/** A test at the daemon that they share, whose clock is right when it begins. */
function shared(body: (t: Test, scene: Scene) => Promise<void>) {
  return async (t: Test): Promise<void> => {
    if (daemon === undefined) return
    await daemon.step(0)
    await body(t, daemon)
  }
}

t.test(
  'F27: no repeat is early or late, no breaker opens early, whoever sets the clock meanwhile',
  OPTIONS,
  shared(async (t, { scripts, ask, step }) => {
    // When it is answered: nobody can tell when the daemon hears of that.
    let tripped = 0
    scripts.set('/down', () => {
      tripped = performance.now()
      return answer(500)
    })
    for (let i = 0; i < 2; i++) await ask('/down')
    let probed = 0
    scripts.set('/down', () => {
      probed ||= performance.now()
      return answer(200, 'in')
    })

    const refused = new Map<string, number>()
    const repeated = new Map<string, number>()
    const limiting = (fields: () => string[]) => (seen: Seen) => {
      const first = !refused.has(seen.path)
      ;(first ? refused : repeated).set(seen.path, performance.now())
      return first ? answer(429, '', ...fields()) : answer(200, 'in')
    }
    const date = (ms: number) => new Date(Math.floor(Date.now() / 1_000) * 1_000 + ms).toUTCString()
    scripts.set(
      '/seconds',
      limiting(() => ['Retry-After: 2']),
    )
    // Of the upstream's clock, which is right.
    scripts.set(
      '/date',
      limiting(() => [`Date: ${date(0)}`, `Retry-After: ${date(2_000)}`]),
    )
    await step(YEAR)
    const waits = ['/seconds', '/date'].map(path => ask(path))
    await until(() => refused.size === 2)
    for (const ms of STEPS) await step(ms)
    await ask('/down')
    for (const got of await Promise.all(waits)) t.equal(got.text, 'in')
    for (const [path, at] of repeated) {
      const waited = at - (refused.get(path) ?? 0)
      t.ok(waited >= 2_000 && waited < 20_000, `${path}: after ${Math.round(waited)} ms`)
    }
    for (let got = ''; got !== 'in'; ) got = (await ask('/down')).text
    const shut = probed - tripped
    t.ok(shut >= 2_900 && shut < 20_000, `the breaker let one pass after ${Math.round(shut)} ms`)
  }),
)

t.test(
  'F27, T1 to T3: tokens are renewed when the server says so, and none is thought to last longer than it does',
  OPTIONS,
  shared(async (t, { tokens, scripts, ask, step, admin }) => {
    let valid = ''
    let held = gate()
    held.open()
    scripts.set('/vendor', async ({ header, number, head }) => {
      if (!head.startsWith('POST'))
        return header('authorization') === `Bearer ${valid}` ? answer(200, 'in') : answer(401)
      await held.opened
      valid = `token-${number}`
      const body = JSON.stringify({ access_token: valid, token_type: 'Bearer', expires_in: 3_600 })
      return answer(200, body, 'Content-Type: application/json')
    })
    const asked = () => tokens.seen.length
    for (const ms of [0, ...STEPS]) {
      const before = asked()
      await step(ms)
      for (let i = 0; i < 5; i++) t.equal((await ask('/vendor')).text, 'in')
      t.ok(asked() - before <= 2, `${asked() - before} new tokens after a step`)
      valid = 'none'
      t.equal((await ask('/vendor')).text, 'in', 'the server says so')
    }
    for (const ms of STEPS) {
      held = gate()
      valid = 'none'
      const before = asked()
      const waiting = ask('/vendor')
      await until(() => asked() > before)
      await step(ms)
      held.open()
      // What was asked for before the machine slept, or the clock was set forward, may be over: it is asked for again.
      await waiting
      for (let got = ''; got !== 'in'; ) got = (await ask('/vendor')).text
      const [credential] = JSON.parse(await admin('/v1/credentials')).credentials as { expires_at: string }[]
      const left = Date.parse(String(credential?.expires_at)) - (Date.now() + NOON + ms)
      t.ok(left < HOUR + 60_000, `it ends in ${Math.round(left / 1_000)} s`)
    }
  }),
)

t.test(
  'F27, T6: a daemon whose clock is a day ahead leaves a session to the one that renews it',
  OPTIONS,
  shared(async (t, { main, scripts, ask, step, another }) => {
    const held = gate()
    const used: string[] = []
    scripts.set('/session', async ({ head, body, number }) => {
      if (!head.startsWith('POST')) return answer(200, 'in')
      used.push(new URLSearchParams(body.toString()).get('refresh_token') ?? '')
      if (used.length === 1) await held.opened
      const next = {
        access_token: `t${number}`,
        refresh_token: `refresh-${number}`,
        token_type: 'Bearer',
        expires_in: 600,
      }
      return answer(200, JSON.stringify(next), 'Content-Type: application/json')
    })
    const ahead = await another(DAY)
    const first = ask('/session')
    await until(() => used.length === 1)
    const second = request(ahead.port, `${main.url}/session`)
    for (const ms of STEPS) await step(ms)
    t.same(used, ['refresh-0'], 'the second waits')
    held.open()
    t.equal((await first).text, 'in')
    t.equal((await second).text, 'in')
    t.equal(new Set(used).size, used.length, `no refresh token is used twice: ${used.join()}`)
  }),
)

t.test(
  'F27, P3, P4: a clock that is set opens no spent window again, and signs no purchase twice',
  OPTIONS,
  shared(async (t, { main, scripts, ask, step, admin }) => {
    const signatures = (path: string) => {
      const paid = main.seen.filter(seen => isPaid(seen) && seen.path.startsWith(path))
      return new Set(paid.map(({ header }) => header('payment-signature'))).size
    }
    const sell = (path: string, sold: (socket: Socket) => string | Promise<string> = () => answer(200, 'sold')) =>
      scripts.set(path, (seen, socket) => (isPaid(seen) ? sold(socket) : REFUSAL))
    const buy = async (path: string) => {
      sell(path)
      return (await ask(path)).text
    }
    for (const n of [1, 2]) t.equal(await buy(`/tight/${n}`), 'sold')
    for (const ms of [0, -60_000, -HOUR, -5 * HOUR, -DAY, 0]) {
      await step(ms)
      t.equal(await buy(`/tight/at${ms}`), '{}', `a clock at ${ms / HOUR} h`)
    }
    t.equal(signatures('/tight/'), 2)
    await step(DAY)
    t.equal(await buy('/tight/tomorrow'), 'sold', 'a window of its own')
    await step(0)
    t.equal(await buy('/tight/back'), '{}')
    t.equal(signatures('/tight/'), 3)

    const named = { fields: ['Idempotency-Key: order-1'], method: 'POST', body: '{}' }
    sell('/paid/doubt', socket => {
      socket.destroy()
      return ''
    })
    for (const ms of [0, -DAY, DAY, 0]) {
      await step(ms)
      t.match(String((await ask('/paid/doubt', named)).status), /402|502/)
    }
    t.equal(signatures('/paid/doubt'), 1, 'its outcome is not known: it is presented again, or nothing is')

    for (const ms of STEPS) {
      const held = gate()
      const path = `/paid/at${ms}`
      sell(path, async () => {
        await held.opened
        return answer(200, 'sold')
      })
      const bought = ask(path)
      await until(() => signatures(path) === 1)
      await step(ms)
      held.open()
      t.equal((await bought).text, 'sold')
      t.equal(signatures(path), 1)
    }
    const states = async () => {
      const { payments } = JSON.parse(await admin('/v1/ledger')) as { payments: { state: string; resource: string }[] }
      return payments.filter(({ resource }) => resource.includes('/paid/at')).map(({ state }) => state)
    }
    // What came of the last one is written down behind its answer.
    while ((await states()).includes('signed')) await step(0)
    t.same(
      await states(),
      STEPS.map(() => 'delivered_unconfirmed'),
    )
  }),
)

t.test(
  'F27, I6: a key means one order while the clock is set, and is replayed until its time is over by the clock',
  OPTIONS,
  shared(async (t, { main, scripts, ask, step }) => {
    let held = gate()
    scripts.set('/orders', async ({ number }) => {
      await held.opened
      return answer(200, `order ${number}`)
    })
    const orders = () => main.seen.filter(({ path }) => path === '/orders').length
    const order = (key: string) =>
      ask('/orders', { method: 'POST', body: '{}', fields: [`Idempotency-Key: order-${key}-abcdefgh`] })
    for (const ms of [-DAY, HOUR, YEAR, 0]) {
      const before = orders()
      held = gate()
      const first = order(`at${ms}`)
      await until(() => orders() > before)
      await step(ms)
      const second = order(`at${ms}`)
      await step(ms)
      held.open()
      t.equal((await first).text, (await second).text)
      t.equal(orders(), before + 1, `${ms}`)
      await step(0)
    }
    held.open()
    const { text } = await order('kept')
    for (const ms of [-DAY, HOUR, 0]) {
      await step(ms)
      t.equal((await order('kept')).text, text, 'it is replayed')
    }
    await step(DAY)
    t.not((await order('kept')).text, text, 'its two hours are over')
  }),
)

t.test(
  'F27, F4: certificates are valid for clients a day behind; connections outlive a step',
  OPTIONS,
  shared(async (t, { daemon, main, state, step, another }) => {
    const ca = readFileSync(join(state, 'ca.pem'), 'utf8')
    const leaf = async () => {
      const socket = await openSecure(daemon.port, 'api.test:443', { ca })
      const { valid_from, valid_to } = socket.getPeerCertificate()
      const answered = readAnswer(socket)
      socket.write('GET / HTTP/1.1\r\nHost: api.test\r\n\r\n')
      t.equal((await answered).text, 'in')
      socket.destroy()
      return [Date.parse(valid_from), Date.parse(valid_to)] as const
    }
    const now = () => Date.now() + NOON
    const [from, to] = await leaf()
    t.ok(from <= now() - DAY && to >= now() + DAY, 'the leaf')
    t.ok(Date.parse(new X509Certificate(ca).validFrom) <= now() - DAY, 'the CA')

    const socket = connect(daemon.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    const again = async () => {
      const answered = readAnswer(socket)
      socket.write(requestBytes(`${main.url}/again`))
      t.equal((await answered).text, 'in')
    }
    await again()
    for (const ms of [-DAY, YEAR, 0]) {
      await step(ms)
      await again()
      if (ms !== YEAR) await leaf()
      else await t.rejects(leaf(), 'a clock that is right sees that the other is not')
    }
    t.equal(
      (await another(-DAY)).printed().includes('"msg":"ready"'),
      true,
      'the CA of today is no reason not to start',
    )
  }),
)
