import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { startLive } from '../support/live-daemon.js'
import { type Home, makeHome, mulligan, spawnMulligan } from '../support/mulligan.js'
import { type Oidc, startOidc } from '../support/oidc.js'
import { storedRefreshToken } from '../support/refresh-process.js'
import { answer, startUpstream } from '../support/upstream.js'

const homeFor = (t: Test, { token_url, device_url }: Pick<Oidc, 'token_url' | 'device_url'>, apiPort: number): Home =>
  makeHome(
    t,
    `
state: state
credentials:
  vendor:
    source:
      oauth2:
        grant: device_code
        token_url: ${token_url}
        device_url: ${device_url}
        client_id: device-app
        scope: openid offline_access
routes:
  - { name: api, match: { host: 127.0.0.1, port: ${apiPort} }, credential: vendor }
`,
  )

/** `mulligan login vendor`, and the code that it shows. */
async function startLogin({ env, folder }: Home) {
  const child = spawnMulligan(['login', 'vendor'], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(child, 'close')
  const stderr = text(child.stderr as NodeJS.ReadableStream)
  let stdout = ''
  const code = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', chunk => {
      stdout += String(chunk)
      const shown = /compare the code: ([A-Z]{4}-[A-Z]{4}) /.exec(stdout)?.[1]
      if (shown !== undefined) resolve(shown)
    })
    void exit.then(() => reject(new Error(`the login ended and said ${stdout}`)))
  })
  return { child, code, exit, stderr, stdout: () => stdout }
}

test('a daemon that needs a login goes on by itself once the user has logged in', async t => {
  const oidc = await startOidc(t)
  const api = await startUpstream(seen => answer(200, seen.header('authorization') ?? 'nobody'))
  t.teardown(api.close)
  const home = homeFor(t, oidc, api.port)
  const daemon = await startLive(t, home)
  const status = () => mulligan(['status', '--admin', daemon.admin], home.env, '', home.folder)

  const before = await request(daemon.port, `${api.url}/`)
  t.equal(before.status, 502)
  t.match(before.text, '"code":"token_login_required"')
  t.match(await status(), {
    code: 0,
    stdout: /vendor +failed until you do something; no token\n.*nobody is logged in: run mulligan login vendor\n/s,
  })

  const login = await startLogin(home)
  await oidc.answerDevice(login.code, 'yes')
  t.same(await login.exit, [0, null])
  t.match(login.stdout(), /\nLogged in\. The session is kept in .*state; a daemon that runs there goes on with it\.\n$/)
  t.equal(await login.stderr, '')
  await daemon.said(({ msg, outcome }) => msg === 'refresh' && outcome === 'ok')

  const { status: code, text: seen } = await request(daemon.port, `${api.url}/`)
  t.equal(code, 200)
  t.match(seen, /^Bearer \S+$/)
  const after = await status()
  t.match(after.stdout, /vendor +valid; token 1 \([0-9a-f]{8}\) ends in (?:10m|9m \d+s)\n/)
  const asJson = await mulligan(['status', '--json', '--admin', daemon.admin], home.env, '', home.folder)
  const secrets = [seen.replace('Bearer ', ''), String(storedRefreshToken(`${home.folder}/state`))]
  for (const secret of secrets) {
    t.ok(secret.length > 20)
    for (const printed of [login.stdout(), after.stdout, asJson.stdout]) t.notOk(printed.includes(secret))
  }
})

test('Ctrl-C gives a login up: one line, the code of a shell, and nothing kept', async t => {
  const oidc = await startOidc(t)
  const home = homeFor(t, oidc, 1)
  const login = await startLogin(home)
  login.child.kill('SIGINT')
  t.same(await login.exit, [130, null])
  t.equal(await login.stderr, 'mulligan: no login for "vendor": given up\n')
  t.equal(storedRefreshToken(`${home.folder}/state`), undefined)
  t.equal(oidc.calls(), 0)
})

test('SIGTERM ends a login also while the server does not answer', async t => {
  let asked = () => undefined as unknown
  const wasAsked = new Promise<void>(resolve => (asked = resolve))
  const silent = await startUpstream(() => {
    asked()
    return undefined
  })
  t.teardown(silent.close)
  const urls = { token_url: `${silent.url}/token`, device_url: `${silent.url}/device` }
  const { env, folder } = homeFor(t, urls, 1)
  const child = spawnMulligan(['login', 'vendor'], { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const exit = once(child, 'close')
  const stderr = text(child.stderr as NodeJS.ReadableStream)
  await wasAsked
  child.kill('SIGTERM')
  t.same(await exit, [143, null])
  t.equal(await stderr, 'mulligan: no login for "vendor": given up\n')
})
