import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { OAuth2Settings } from '../../src/config/credential.js'
import { deviceLogin, type LoginPrompt } from '../../src/credential/device-login.js'
import { oauth2Source } from '../../src/credential/oauth2-source.js'
import { type Clock, systemClock } from '../../src/time/clock.js'
import { type OAuth2Change, oauth2Settings, oauth2World, sessionHome, soon } from '../support/oauth2.js'
import { startOidc } from '../support/oidc.js'
import { storedRefreshToken } from '../support/refresh-process.js'
import { answer, startUpstream, type TestUpstream } from '../support/upstream.js'

/** Waits of up to a minute are over at once, and written down; longer ones never are. */
function hurried(): { clock: Clock; waits: number[] } {
  const waits: number[] = []
  const schedule: Clock['schedule'] = (delay, task) => {
    if (delay > 60_000) return () => undefined
    waits.push(delay)
    const soonest = setImmediate(task)
    return () => clearImmediate(soonest)
  }
  return { clock: { ...systemClock, schedule }, waits }
}

const loginSettings = (urls: { token_url: string; device_url: string }, change: OAuth2Change = {}): OAuth2Settings =>
  oauth2Settings({ ...urls, grant: 'device_code', client_id: 'device-app', scope: 'openid offline_access', ...change })

test('a login on another device ends in a session that renewals go on with', async t => {
  const oidc = await startOidc(t)
  const settings = loginSettings({ token_url: oidc.token_url, device_url: oidc.device_url })
  const home = sessionHome(t)
  const { clock } = hurried()
  let shown: LoginPrompt | undefined
  const show = (prompt: LoginPrompt) => {
    shown = prompt
    void oidc.answerDevice(prompt.code, 'yes')
  }
  await deviceLogin(settings, oauth2World({ clock }), home, show, soon())
  t.match(shown, {
    uri: /\/device$/,
    completeUri: /\/device\?user_code=/,
    code: /^[A-Z]{4}-[A-Z]{4}$/,
    expiresIn: 600_000,
  })
  t.equal(storedRefreshToken(home.state), oidc.latest())
  const source = oauth2Source(settings, oauth2World(), home)
  t.ok((await source.fetch(soon())).token)
  t.ok((await source.fetch(soon())).token)
  t.equal(storedRefreshToken(home.state), oidc.latest())
})

test('a login that the user refuses stores nothing and says so', async t => {
  const oidc = await startOidc(t)
  const settings = loginSettings({ token_url: oidc.token_url, device_url: oidc.device_url })
  const home = sessionHome(t)
  const show = (prompt: LoginPrompt) => void oidc.answerDevice(prompt.code, 'no')
  await t.rejects(deviceLogin(settings, oauth2World({ clock: hurried().clock }), home, show, soon()), {
    message: `${oidc.token_url} says no: access_denied`,
  })
  t.equal(storedRefreshToken(home.state), undefined)
})

const DEVICE = {
  device_code: 'canarydevicecode',
  user_code: 'AB-CD',
  verification_uri: 'https://id.test/go',
  expires_in: 600,
}
const pending = answer(400, '{"error":"authorization_pending"}')
const granted = (more: object) =>
  answer(200, JSON.stringify({ access_token: 'canarytoken', token_type: 'bearer', ...more }))
const done = granted({ refresh_token: 'session' })

/** A server whose device endpoint gives `device`, and whose token endpoint gives these answers, one by one. */
async function scripted(t: Test, device: object, answers: readonly string[]): Promise<[TestUpstream, OAuth2Settings]> {
  let next = 0
  const upstream = await startUpstream(({ path }) =>
    path === '/device' ? answer(200, JSON.stringify(device)) : answers[next++],
  )
  t.teardown(upstream.close)
  return [upstream, loginSettings({ token_url: `${upstream.url}/token`, device_url: `${upstream.url}/device` })]
}

test('RFC 8628 §3.5: it polls at the interval of the server, slower after slow_down and when the server is down', async t => {
  const slow = answer(400, '{"error":"slow_down"}')
  const rows: [string, object, string[], number[]][] = [
    ['five seconds unless told', {}, [pending, done], [5_000, 5_000]],
    ['as told', { interval: 2 }, [pending, done], [2_000, 2_000]],
    ['nonsense is not told', { interval: -1 }, [done], [5_000]],
    ['slow_down', { interval: 1 }, [slow, pending, done], [1_000, 6_000, 6_000]],
    ['down', { interval: 1 }, [answer(503), answer(503), pending, done], [1_000, 2_000, 4_000, 4_000]],
    ['Retry-After', { interval: 1 }, [answer(429, '', 'Retry-After: 9'), done], [1_000, 9_000]],
    [
      'pending with status 200, as GitHub says it',
      {},
      [answer(200, '{"error":"authorization_pending"}'), done],
      [5_000, 5_000],
    ],
  ]
  for (const [name, change, answers, expected] of rows) {
    const [, settings] = await scripted(t, { ...DEVICE, ...change }, answers)
    const home = sessionHome(t)
    const { clock, waits } = hurried()
    await deviceLogin(settings, oauth2World({ clock }), home, () => undefined, soon())
    t.same(waits, expected, name)
    t.equal(storedRefreshToken(home.state), 'session')
  }
})

test('a login that cannot end well says why, with nothing of what the server sent', async t => {
  const rows: [string, object, string[], RegExp][] = [
    ['too late by the server', {}, [answer(400, '{"error":"expired_token"}')], /says no: expired_token/],
    ['too late by the clock', { expires_in: 30 }, [], /the login took too long: its code has expired/],
    ['no refresh token', {}, [granted({})], /gave no refresh token; many servers want the scope offline_access/],
    ['a broken answer', {}, [granted({ expires_in: -1, refresh_token: 'x' })], /expires_in/],
    ['not found', {}, [answer(404)], /status 404/],
    ['no code', { device_code: undefined }, [], /no device code as RFC 8628 wants it/],
    ['a life that is none', { expires_in: 'long' }, [], /no device code/],
    ['no address', { verification_uri: undefined }, [], /no device code/],
    ['an address to run', { verification_uri: 'javascript:alert(1)' }, [], /no device code/],
    ['a code that moves the cursor', { user_code: 'AB\u001b[2J' }, [], /no device code/],
    ['refused', { error: 'invalid_scope', access_token: undefined }, [], /device says no: invalid_scope/],
  ]
  for (const [name, change, answers, message] of rows) {
    const [, settings] = await scripted(t, { ...DEVICE, ...change }, answers)
    const home = sessionHome(t)
    const login = deviceLogin(settings, oauth2World({ clock: hurried().clock }), home, () => undefined, soon())
    const error = (await login.then(
      () => undefined,
      (reason: unknown) => reason,
    )) as Error
    t.equal(error?.name, 'SourceError', name)
    t.match(error.message, message, name)
    t.notMatch(error.message, /canary/, name)
    t.equal(storedRefreshToken(home.state), undefined, name)
  }
})

test('what is shown cannot act on a terminal, and the older name of the address is understood', async t => {
  const { verification_uri: _none, ...device } = DEVICE
  const [, settings] = await scripted(t, { ...device, verification_url: 'https://id.test/\u001b[2J' }, [done])
  const shown: LoginPrompt[] = []
  await deviceLogin(
    settings,
    oauth2World({ clock: hurried().clock }),
    sessionHome(t),
    prompt => shown.push(prompt),
    soon(),
  )
  t.same(shown, [{ uri: 'https://id.test/%1B[2J', code: 'AB-CD', completeUri: undefined, expiresIn: 600_000 }])
})

test('a login that is given up ends at once, also while an answer is awaited', async t => {
  const over = new AbortController()
  const upstream = await startUpstream(({ path }) => {
    if (path === '/device') return answer(200, JSON.stringify(DEVICE))
    over.abort()
    return undefined
  })
  t.teardown(upstream.close)
  const settings = loginSettings({ token_url: `${upstream.url}/token`, device_url: `${upstream.url}/device` })
  const home = sessionHome(t)
  const login = deviceLogin(settings, oauth2World({ clock: hurried().clock }), home, () => undefined, over.signal)
  await t.rejects(login, { message: 'the login was given up' })
})

test('a login whose session cannot be kept has failed', async t => {
  const [, settings] = await scripted(t, DEVICE, [done])
  const home = sessionHome(t)
  mkdirSync(join(home.state, 'credentials', 'vendor.json'), { recursive: true })
  const login = deviceLogin(settings, oauth2World({ clock: hurried().clock }), home, () => undefined, soon())
  await t.rejects(login, { message: /^cannot write .*vendor\.json \(\w+\)$/ })
})

test('a login without a device endpoint says what is missing', async t => {
  const settings = { ...loginSettings({ token_url: 'https://id.test/token', device_url: '' }), device_url: undefined }
  const login = deviceLogin(settings, oauth2World(), sessionHome(t), () => undefined, soon())
  await t.rejects(login, { message: 'a login needs to know the device authorization endpoint' })
})
