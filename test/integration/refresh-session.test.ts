import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { OAuth2Settings } from '../../src/config/credential.js'
import { printOf, wanted } from '../../src/credential/oauth2-settings.js'
import { oauth2Source } from '../../src/credential/oauth2-source.js'
import { RefreshTokenStore } from '../../src/credential/refresh-token-store.js'
import type { Source } from '../../src/credential/source.js'
import { systemClock } from '../../src/time/clock.js'
import { seconds } from '../../src/time/units.js'
import { type OAuth2Change, oauth2Settings, oauth2World, sessionHome, soon, type TestHome } from '../support/oauth2.js'
import { type Oidc, startOidc } from '../support/oidc.js'
import { SECRET } from '../support/oidc-client.js'
import { storedRefreshToken } from '../support/refresh-process.js'
import { answer, startUpstream } from '../support/upstream.js'

const settingsFor = (oidc: Pick<Oidc, 'token_url'>, first: string, change: OAuth2Change = {}): OAuth2Settings =>
  oauth2Settings({
    token_url: oidc.token_url,
    grant: 'refresh_token',
    client_secret: { literal: SECRET },
    refresh_token: { literal: first },
    ...change,
  })

const sourceOf = (settings: OAuth2Settings, home: TestHome): Source => oauth2Source(settings, oauth2World(), home)

const granted = (token: string, refresh_token?: string) =>
  answer(200, JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 600, refresh_token }))

/** What another process would do to the file. */
async function writeAs(home: TestHome, settings: OAuth2Settings, refreshToken: string, access?: string): Promise<void> {
  const { token_url, client_id, refresh_token: ref } = settings
  const session = printOf(token_url, client_id, ...(ref !== undefined && 'literal' in ref ? [ref.literal] : []))
  const store = new RefreshTokenStore(home.state, home.name, systemClock)
  const shared = access && { token: access, expiresAt: Date.now() + 600_000, wanted: printOf(wanted(settings)) }
  await store.write(session, { refreshToken, access: shared || undefined })
}

test('T6: each renewal uses the token of the one before, across restarts, with a server that takes none twice', async t => {
  const oidc = await startOidc(t)
  const home = sessionHome(t)
  const settings = settingsFor(oidc, await oidc.refreshToken())
  const tokens = new Set<string>()
  for (let start = 0; start < 4; start++) {
    // A new source knows nothing but the file: so it is after a crash.
    const source = sourceOf(settings, home)
    for (let i = 0; i < 3; i++) {
      tokens.add((await source.fetch(soon())).token)
      t.equal(storedRefreshToken(home.state), oidc.latest(), 'on disk before the token is given')
    }
  }
  t.equal(tokens.size, 12)
  t.equal(oidc.calls(), 12)
  t.same(home.warnings, [])
  const folder = join(home.state, 'credentials')
  t.equal(statSync(folder).mode & 0o777, 0o700)
  t.equal(statSync(join(folder, 'vendor.json')).mode & 0o777, 0o600)
})

test('a server that does not rotate leaves no file', async t => {
  const oidc = await startOidc(t, { rotate: false })
  const home = sessionHome(t)
  const source = sourceOf(settingsFor(oidc, await oidc.refreshToken()), home)
  await source.fetch(soon())
  await source.fetch(soon())
  t.equal(storedRefreshToken(home.state), undefined)
})

test('a new first token in the configuration wins over a stored one', async t => {
  const oidc = await startOidc(t)
  const home = sessionHome(t)
  await sourceOf(settingsFor(oidc, await oidc.refreshToken()), home).fetch(soon())
  const second = settingsFor(oidc, await oidc.refreshToken())
  await sourceOf(second, home).fetch(soon())
  t.equal(storedRefreshToken(home.state), oidc.latest())
  await sourceOf(second, home).fetch(soon())
})

test('a stored token is never sent to another server or for another client', async t => {
  const seen: (string | null)[] = []
  const upstream = await startUpstream(({ body }) => {
    seen.push(new URLSearchParams(body.toString()).get('refresh_token'))
    return granted('t', 'rotated')
  })
  t.teardown(upstream.close)
  const home = sessionHome(t)
  const one = settingsFor({ token_url: `${upstream.url}/one` }, 'first')
  await sourceOf(one, home).fetch(soon())
  await sourceOf(one, home).fetch(soon())
  await sourceOf({ ...one, token_url: `${upstream.url}/two` }, home).fetch(soon())
  await sourceOf({ ...one, client_id: 'other' }, home).fetch(soon())
  t.same(seen, ['first', 'rotated', 'first', 'first'])
})

test('TR-20: a token that cannot be written is a loud warning, and renewals go on from memory', async t => {
  const oidc = await startOidc(t)
  const home = sessionHome(t)
  // A file where the folder belongs: not even root can write there.
  writeFileSync(join(home.state, 'credentials'), '')
  const first = await oidc.refreshToken()
  const source = sourceOf(settingsFor(oidc, first), home)
  await source.fetch(soon())
  await source.fetch(soon())
  t.match(home.warnings, [
    /^cannot lock .*vendor\.json \(E\w+\)/,
    /^cannot write .*vendor\.json \(E\w+\): the session of "vendor" ends with this process$/,
    /^cannot lock/,
    /^cannot write/,
  ])
  t.notOk(home.warnings.some(what => what.includes(first) || what.includes(oidc.latest() ?? '?')))
  rmSync(join(home.state, 'credentials'))
  await source.fetch(soon())
  t.equal(storedRefreshToken(home.state), oidc.latest(), 'written as soon as that can be')
})

test('a file that cannot be read is a clear reason, and the first token is not spent instead', async t => {
  const oidc = await startOidc(t)
  const home = sessionHome(t)
  mkdirSync(join(home.state, 'credentials', 'vendor.json'), { recursive: true })
  const source = sourceOf(settingsFor(oidc, await oidc.refreshToken()), home)
  await t.rejects(source.fetch(soon()), { message: /^cannot read .*vendor\.json \(EISDIR\)$/, permanent: false })
  t.equal(oidc.calls(), 0)
})

test('T3: what another process renewed is taken over without a call, once it differs from what was given', async t => {
  const oidc = await startOidc(t)
  const home = sessionHome(t)
  const settings = settingsFor(oidc, await oidc.refreshToken())
  const [one, two] = [sourceOf(settings, home), sourceOf(settings, home)]
  const a1 = await one.fetch(soon())
  const b1 = await two.fetch(soon())
  t.not(b1.token, a1.token, 'at start a token of unknown age is not taken over')
  t.equal(oidc.calls(), 2)
  t.same(await one.fetch(soon()), b1)
  t.equal(oidc.calls(), 2, 'taken over')
  const a2 = await one.fetch(soon())
  t.not(a2.token, b1.token, 'the same one again would be no renewal')
  t.same(await two.fetch(soon()), a2)
  t.equal(oidc.calls(), 3)
  const other = sourceOf({ ...settings, scope: 'openid' }, home)
  await other.fetch(soon())
  await two.fetch(soon())
  t.equal(oidc.calls(), 5, 'one with another scope is not')
})

test('TR-21: after invalid_grant the file is read again, and a newer token of another process is tried once', async t => {
  for (const [helps, tried] of [
    [true, ['first', 'newer']],
    [false, ['first']],
  ] as const) {
    const home = sessionHome(t)
    const seen: (string | null)[] = []
    const upstream = await startUpstream(async ({ body }) => {
      const token = new URLSearchParams(body.toString()).get('refresh_token')
      seen.push(token)
      if (token === 'newer') return granted('t')
      if (helps) await writeAs(home, settings, 'newer')
      return answer(400, '{"error":"invalid_grant"}')
    })
    t.teardown(upstream.close)
    const settings = settingsFor({ token_url: upstream.url }, 'first')
    const fetched = sourceOf(settings, home).fetch(soon())
    if (helps) t.equal((await fetched).token, 't')
    else
      await t.rejects(fetched, { permanent: true, message: /says no: invalid_grant; a new refresh_token is needed$/ })
    t.same(seen, tried)
  }
})

test('T6: an answer that comes after the deadline of its flight is kept, and the next flight has it without a call', async t => {
  let reply: () => void = () => {}
  let reached: () => void = () => {}
  const asked = new Promise<void>(resolve => {
    reached = resolve
  })
  const upstream = await startUpstream((_seen, socket) => {
    reply = () => socket.write(granted('late', 'second'))
    reached()
    return undefined
  })
  t.teardown(upstream.close)
  const home = sessionHome(t)
  const source = sourceOf(settingsFor({ token_url: upstream.url }, 'first'), home)
  const over = new AbortController()
  const fetched = source.fetch(over.signal)
  await asked
  over.abort()
  await t.rejects(fetched, { message: /did not answer in time$/, permanent: false })
  const next = source.fetch(soon())
  reply()
  t.equal((await next).token, 'late')
  t.equal(storedRefreshToken(home.state), 'second')
  t.equal(upstream.seen.length, 1)
})

test('a login or a renewal by another process is told, a renewal of its own is not', async t => {
  const upstream = await startUpstream(seen => granted(`t${seen.number}`, `r${seen.number}`))
  t.teardown(upstream.close)
  const home = sessionHome(t)
  const settings = settingsFor({ token_url: upstream.url }, 'first', { grant: 'device_code', refresh_token: undefined })
  const source = sourceOf(settings, home)
  const watched = follow(t, source)
  await t.rejects(source.fetch(soon()), { permanent: true, message: 'nobody is logged in: run mulligan login vendor' })
  await writeAs(home, settings, 'login')
  await watched.told(1)
  t.equal((await source.fetch(soon())).token, 't1')
  await writeAs(home, settings, 'other', 'token of the other')
  await watched.told(2)
  t.equal((await source.fetch(soon())).token, 'token of the other')
  t.equal(upstream.seen.length, 1)
})

function follow(t: Test, source: Source): { told: (times: number) => Promise<void> } {
  let times = 0
  let wake: () => void = () => {}
  const end = source.watch?.(() => {
    times++
    wake()
  })
  // A watch keeps no process alive.
  const alive = setInterval(() => {}, seconds(1))
  t.teardown(() => {
    clearInterval(alive)
    end?.()
  })
  return {
    told: async wanted => {
      while (times < wanted) await new Promise<void>(resolve => (wake = resolve))
      t.equal(times, wanted)
    },
  }
}

test('T6: against a server that takes no token twice, an answer that never arrived ends the session, and it says so', async t => {
  let lost = new AbortController()
  const oidc = await startOidc(t, { onRotate: () => lost.abort() })
  const { fetch } = oauth2World()
  const world = oauth2World({
    fetch: (url, init) => {
      lost = new AbortController()
      return fetch(url, { ...init, signal: lost.signal })
    },
  })
  const source = oauth2Source(settingsFor(oidc, await oidc.refreshToken()), world, sessionHome(t))
  await t.rejects(source.fetch(soon()), {
    permanent: true,
    message: `${oidc.token_url} says no: invalid_grant; a new refresh_token is needed`,
  })
  t.equal(oidc.calls(), 2, 'the one whose answer was lost, and the one that found out')
})
