import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { printOf } from '../../src/credential/oauth2-settings.js'
import { oauth2Source } from '../../src/credential/oauth2-source.js'
import { RefreshTokenStore } from '../../src/credential/refresh-token-store.js'
import { SourceError } from '../../src/credential/source.js'
import { systemClock } from '../../src/time/clock.js'
import { oauth2Settings, oauth2World, sessionHome, soon } from '../support/oauth2.js'
import { freePort } from '../support/tunnel.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream, type TestUpstream } from '../support/upstream.js'

/** What must be in no message: the token of an answer, and the secrets that were sent. */
const TOKEN = 'canaryaccesstoken'
const REFRESH = 'canaryrefreshtoken'
const CLIENT_SECRET = 'canaryclientsecret'

async function fetchFrom(
  t: Test,
  script: Script,
): Promise<{ upstream: TestUpstream; error: SourceError; tookMs: number }> {
  const upstream = await startUpstream(script)
  t.teardown(upstream.close)
  const settings = oauth2Settings({
    token_url: `${upstream.url}/token?key=${CLIENT_SECRET}`,
    client_secret: { literal: CLIENT_SECRET },
    params: { refresh_token: REFRESH },
  })
  const startedAt = performance.now()
  const source = oauth2Source(settings, oauth2World({ random: Math.random }), sessionHome(t))
  const error: unknown = await source.fetch(soon()).catch((reason: unknown) => reason)
  const tookMs = performance.now() - startedAt
  if (!(error instanceof SourceError)) throw new Error(`no SourceError: ${String(error)}`)
  const said = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)} ${source.description}`
  t.notMatch(said, /canary/, 'no secret is told')
  t.match(error.message, `${upstream.url}/token`, 'the endpoint is named')
  return { upstream, error, tookMs }
}

const json =
  (document: unknown, status = 200, ...fields: string[]): Script =>
  () =>
    answer(status, typeof document === 'string' ? document : JSON.stringify(document), ...fields)

const good = { access_token: TOKEN, token_type: 'Bearer' }

test('TR-04, TR-05: a bad answer is one clear reason, asked for again only where that may help', async t => {
  const rows: [string, Script, calls: number, permanent: boolean, RegExp][] = [
    ['500', json('oh no', 500), 3, false, /answered with status 500/],
    ['503 with a JSON error', json({ error: 'temporarily_unavailable' }, 503), 3, false, /answered with status 503/],
    ['408', json('', 408), 3, false, /answered with status 408/],
    ['429 without a hint', json('', 429), 3, false, /answered with status 429/],
    ['empty 200', json(''), 3, false, /an empty body/],
    ['HTML', json(`<html>${TOKEN}`, 200, 'Content-Type: text/html'), 3, false, /HTML in place of a JSON object/],
    ['a form', json(`access_token=${TOKEN}`), 3, false, /something else in place of a JSON object/],
    ['a JSON array', json([TOKEN]), 3, false, /something else in place/],
    ['404', json('<html>', 404), 1, false, /status 404 and without an OAuth error/],
    ['201', json(good, 201), 1, false, /status 201/],
    ['204', () => 'HTTP/1.1 204 No Content\r\n\r\n', 1, false, /status 204/],
    ['a redirect', json('', 302, 'Location: https://evil.example/'), 1, false, /redirects \(status 302\)/],
    ['invalid_grant', json({ error: 'invalid_grant' }, 400), 1, true, /says no: invalid_grant$/],
    [
      'invalid_client',
      json({ error: 'invalid_client' }, 401, 'WWW-Authenticate: Basic realm="x"'),
      1,
      true,
      /invalid_client$/,
    ],
    ['unauthorized_client', json({ error: 'unauthorized_client' }, 400), 1, true, /unauthorized_client$/],
    ['invalid_scope', json({ error: 'invalid_scope' }, 400), 1, false, /says no: invalid_scope$/],
    ['no with status 200', json({ error: 'bad_refresh_token' }), 1, false, /says no: bad_refresh_token$/],
    [
      'a code that quotes',
      json({ error: `${TOKEN}-1`, error_description: REFRESH }, 400),
      1,
      false,
      /an unknown error$/,
    ],
    ['no token', json({ token_type: 'Bearer' }), 1, false, /wrong answer: .*access_token/],
    ['a token that is a number', json({ ...good, access_token: 5 }), 1, false, /wrong answer: .*access_token/],
    ['an empty token', json({ ...good, access_token: '' }), 1, false, /wrong answer: .*access_token/],
    ['a token of two lines', json({ ...good, access_token: `${TOKEN}\nX: y` }), 1, false, /wrong answer: .*line/],
    ['no token_type', json({ access_token: TOKEN }), 1, false, /wrong answer: .*token_type/],
    ['another token_type', json({ ...good, token_type: TOKEN }), 1, false, /wrong answer: unsupported `token_type`/],
    ['a DPoP token', json({ ...good, token_type: 'DPoP' }), 1, false, /no bearer token/],
    ['negative expires_in', json({ ...good, expires_in: -1 }), 1, false, /wrong answer: .*expires_in/],
    ['expires_in 0', json({ ...good, expires_in: 0 }), 1, false, /an expires_in that no token can have/],
    ['absurd expires_in', json({ ...good, expires_in: 1e300 }), 1, false, /an expires_in that no token can have/],
    [
      'infinite expires_in',
      json(`{"access_token":"${TOKEN}","token_type":"bearer","expires_in":1e999}`),
      1,
      false,
      /expires_in/,
    ],
    ['expires_in in words', json({ ...good, expires_in: 'soon' }), 1, false, /wrong answer: .*expires_in/],
    ['expires_in null', json({ ...good, expires_in: null }), 1, false, /wrong answer: .*expires_in/],
    ['a refresh_token that is a list', json({ ...good, refresh_token: [REFRESH] }), 1, false, /refresh_token/],
    ['status 999', () => 'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n', 3, false, /gave no answer/],
    ['no HTTP', () => 'SSH-2.0-OpenSSH_9.6\r\n', 3, false, /gave no answer \(HPE_INVALID/],
    ['a reset', (_seen, socket) => void socket.resetAndDestroy(), 3, false, /gave no answer \(ECONNRESET\)/],
    ['cut in the body', cut, 3, false, /gave no answer/],
  ]
  for (const [name, script, calls, permanent, message] of rows) {
    await t.test(name, async t => {
      const { upstream, error, tookMs } = await undisturbed(() => fetchFrom(t, script), 250)
      t.match(error.message, message)
      t.equal(error.permanent, permanent, 'permanent or not')
      t.equal(upstream.seen.length, calls, 'calls')
      t.ok(tookMs < 1_000, `over within a second: ${Math.round(tookMs)} ms`)
    })
  }
})

function cut(_seen: unknown, socket: Socket): undefined {
  socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"access_token":"${TOKEN}"`)
  return undefined
}

test('TR-04: a call that fails is made again, and the token of the next answer is taken', async t => {
  const answers = [answer(502), answer(200), answer(200, JSON.stringify(good))]
  const upstream = await startUpstream(seen => answers[seen.number - 1])
  t.teardown(upstream.close)
  const source = oauth2Source(oauth2Settings({ token_url: upstream.url }), oauth2World(), sessionHome(t))
  t.equal((await source.fetch(soon())).token, TOKEN)
  t.equal(upstream.seen.length, 3)
})

test('TR-04: a Retry-After is left to the cool-down: no second call, and the time is told', async t => {
  for (const status of [429, 503]) {
    const { upstream, error } = await fetchFrom(t, json('', status, 'Retry-After: 30'))
    t.equal(error.retryAfter, 30_000)
    t.equal(upstream.seen.length, 1)
  }
  const { upstream } = await fetchFrom(t, json('', 503, 'Retry-After: 0'))
  t.equal(upstream.seen.length, 3, 'one that asks for no time does not get in the way')
})

test('a body of 10 MB is given up after 64 KiB, whether it says its length or not', async t => {
  const part = Buffer.alloc(65_536, 'x')
  for (const field of ['Content-Length: 10485760', 'Connection: close']) {
    let written = 0
    let closed: Promise<unknown> = Promise.resolve()
    const { upstream, error } = await fetchFrom(t, (_seen, socket) => {
      closed = new Promise(resolve => socket.on('error', () => undefined).on('close', resolve))
      socket.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`)
      const more = () => {
        if (socket.destroyed || written >= 10_485_760) return
        written += part.length
        socket.write(part, more)
      }
      more()
      return undefined
    })
    t.match(error.message, /more than 64 KiB/)
    await closed
    t.ok(written < 10_485_760, `${field}: ${written} bytes until the connection ended`)
    t.equal(upstream.seen.length, 1)
  }
})

test('an endpoint that hangs, before the head or within the body, costs no more than its deadline', async t => {
  for (const part of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"access_']) {
    let reached: () => void = () => undefined
    const asked = new Promise<void>(resolve => {
      reached = resolve
    })
    const upstream = await startUpstream((_seen, socket) => {
      socket.write(part, () => reached())
      return undefined
    })
    t.teardown(upstream.close)
    const source = oauth2Source(oauth2Settings({ token_url: upstream.url }), oauth2World(), sessionHome(t))
    const over = new AbortController()
    const fetched = source.fetch(over.signal)
    await asked
    over.abort()
    await t.rejects(fetched, { message: /did not answer in time$/, permanent: false })
    t.equal(upstream.seen.length, 1)
  }
})

test('when nobody listens, the reason of the system is told', async t => {
  const gone = `http://127.0.0.1:${await freePort()}`
  const source = oauth2Source(oauth2Settings({ token_url: gone }), oauth2World(), sessionHome(t))
  await t.rejects(source.fetch(soon()), { message: `${gone}/ gave no answer (ECONNREFUSED)`, permanent: false })
})

test('T6: a rotated refresh token is kept even when the access token beside it is of no use', async t => {
  const upstream = await startUpstream(json({ ...good, expires_in: -5, refresh_token: 'second' }))
  t.teardown(upstream.close)
  const home = sessionHome(t)
  const settings = oauth2Settings({
    token_url: upstream.url,
    grant: 'refresh_token',
    refresh_token: { literal: 'first' },
  })
  await t.rejects(oauth2Source(settings, oauth2World(), home).fetch(soon()), { message: /expires_in/ })
  const kept = await new RefreshTokenStore(home.state, home.name, systemClock).read(
    printOf(upstream.url, 'worker', 'first'),
  )
  t.same(kept, { refreshToken: 'second', access: undefined })
})

test('an ID token is not looked at: nobody said who may issue it', async t => {
  const upstream = await startUpstream(json({ ...good, id_token: 'x.y.z' }))
  t.teardown(upstream.close)
  const source = oauth2Source(oauth2Settings({ token_url: upstream.url }), oauth2World(), sessionHome(t))
  t.equal((await source.fetch(soon())).token, TOKEN)
})
