import { generateKeyPairSync } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { JwtSettings, OAuth2Settings } from '../../src/config/credential.js'
import { directFetch } from '../../src/credential/direct-fetch.js'
import { oauth2Source } from '../../src/credential/oauth2-source.js'
import { SourceError } from '../../src/credential/source.js'
import { makeCertificate } from '../support/certificate.js'
import { type OAuth2Change, oauth2Settings, oauth2World, sessionHome, soon } from '../support/oauth2.js'
import { startOidc } from '../support/oidc.js'
import { SECRET } from '../support/oidc-client.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'

test('a token of an OAuth server is had with each way of saying who asks', async t => {
  const { token_url } = await startOidc(t)
  const rows: [string, OAuth2Change][] = [
    ['Basic, without being told', { client_id: 'worker', client_secret: { literal: SECRET } }],
    ['Basic', { client_id: 'worker', client_secret: { literal: SECRET }, client_auth: 'basic' }],
    ['in the body', { client_id: 'post-app', client_secret: { literal: SECRET }, client_auth: 'post' }],
    ['a public client', { client_id: 'device-app' }],
  ]
  for (const [name, change] of rows) {
    const before = Date.now()
    const source = oauth2Source(oauth2Settings({ token_url, ...change }), oauth2World(), sessionHome(t))
    const { token, expiresAt = 0 } = await source.fetch(soon())
    t.match(token, /^[\w-]{20,}$/, name)
    t.ok(expiresAt >= before + 600_000 && expiresAt <= Date.now() + 600_000, `${name}: the server's ten minutes`)
  }
})

test('TR-05: a client that the server does not know is a permanent error, a WWW-Authenticate with it or not', async t => {
  const oidc = await startOidc(t)
  for (const change of [{ client_secret: { literal: 'wrong' } }, { client_id: 'nobody' }]) {
    const settings = oauth2Settings({ token_url: oidc.token_url, ...change })
    const before = oidc.calls()
    await t.rejects(oauth2Source(settings, oauth2World(), sessionHome(t)).fetch(soon()), {
      message: `${oidc.token_url} says no: invalid_client`,
      permanent: true,
    })
    t.equal(oidc.calls(), before + 1, 'it is not asked again')
  }
})

const pem = (key: { export: (as: { type: 'pkcs8'; format: 'pem' }) => string | Buffer }): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString()

const jwtWith = (change: Pick<JwtSettings, 'key' | 'alg'>): JwtSettings => ({
  iss: 'robot',
  sub: 'robot@example.com',
  aud: undefined,
  kid: 'k1',
  claims: {},
  ...change,
})

test('jwt_bearer: an assertion signed with RS256 or ES256 is taken, and no assertion is used twice', async t => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rows = [
    ['RS256', rsa.publicKey, pem(rsa.privateKey)],
    ['RS256', rsa.publicKey, rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['ES256', ec.publicKey, JSON.stringify(ec.privateKey.export({ format: 'jwk' }))],
  ] as const
  for (const [alg, assertionKey, key] of rows) {
    const { token_url } = await startOidc(t, { assertionKey })
    const settings = oauth2Settings({
      token_url,
      grant: 'jwt_bearer',
      client_secret: { literal: SECRET },
      jwt: jwtWith({ alg, key: { literal: key } }),
    })
    const source = oauth2Source(settings, oauth2World(), sessionHome(t))
    const tokens = [await source.fetch(soon()), await source.fetch(soon())].map(({ token }) => token)
    t.equal(new Set(tokens).size, 2, alg)
  }
})

test('jwt_bearer: the assertion says what the settings say, for five minutes', async t => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const upstream = await startUpstream(() => answer(200, '{"access_token":"t","token_type":"Bearer"}'))
  t.teardown(upstream.close)
  const jwt = { ...jwtWith({ alg: 'ES256', key: { literal: pem(privateKey) } }), claims: { scope: 'a b' } }
  const settings = { ...oauth2Settings({ token_url: `${upstream.url}/t?x=1`, grant: 'jwt_bearer', jwt }) }
  const world = oauth2World({ clock: { ...oauth2World().clock, now: () => 1_700_000_000_500 } })
  const source = oauth2Source({ ...settings, client_id: undefined }, world, sessionHome(t))
  t.same(await source.fetch(soon()), { token: 't', expiresAt: undefined })
  const body = new URLSearchParams(upstream.seen[0]?.body.toString())
  t.equal(body.get('client_id'), null, 'a client without a name sends none')
  const [head, claims] = (body.get('assertion') ?? '').split('.').map(part => {
    try {
      return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
    } catch {
      return {}
    }
  })
  t.same(head, { alg: 'ES256', typ: 'JWT', kid: 'k1' })
  const { jti, ...rest } = claims ?? {}
  t.type(jti, 'string')
  const [iss, sub, aud] = ['robot', 'robot@example.com', `${upstream.url}/t?x=1`]
  t.same(rest, { scope: 'a b', iss, sub, aud, iat: 1_700_000_000, exp: 1_700_000_300 })
  t.equal(source.description, `oauth2 jwt_bearer at ${upstream.url}/t`)
})

test('jwt_bearer: a key that cannot sign is a permanent error without a call, and no part of it is told', async t => {
  const oidc = await startOidc(t)
  const ec = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const weak = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
  for (const [alg, key] of [
    ['RS256', ec],
    ['RS256', weak],
    ['ES256', 'hunter2'],
    ['ES256', '{"kty":"EC","d":"x"}'],
  ] as const) {
    const jwt = jwtWith({ alg, key: { literal: key } })
    const source = oauth2Source(
      oauth2Settings({ token_url: oidc.token_url, grant: 'jwt_bearer', jwt }),
      oauth2World(),
      sessionHome(t),
    )
    const error = (await source.fetch(soon()).catch((reason: unknown) => reason)) as SourceError
    t.ok(error instanceof SourceError && error.permanent)
    t.notOk(error.message.includes(key.split('\n')[1] ?? key), error.message)
  }
  t.equal(oidc.calls(), 0)
})

test('scope, audience and further parameters go into the body, and secrets into the header as forms are encoded', async t => {
  const upstream = await startUpstream(() =>
    answer(200, '{"access_token":"t","token_type":"bearer","expires_in":"60"}'),
  )
  t.teardown(upstream.close)
  const settings: OAuth2Settings = oauth2Settings({
    token_url: upstream.url,
    client_id: 'my-client.1_a',
    client_secret: { env: 'S' },
    scope: 'a b',
    audience: 'https://api.example',
    params: { resource: 'r', grant_type: 'password' },
  })
  const source = oauth2Source(settings, oauth2World({ env: { S: 'a+b c:ä%' } }), sessionHome(t))
  await source.fetch(soon())
  const [seen] = upstream.seen
  t.same(Object.fromEntries(new URLSearchParams(seen?.body.toString())), {
    resource: 'r',
    scope: 'a b',
    audience: 'https://api.example',
    grant_type: 'client_credentials',
  })
  const basic = Buffer.from(seen?.header('authorization')?.replace('Basic ', '') ?? '', 'base64').toString()
  t.equal(basic, 'my-client.1_a:a%2Bb+c%3A%C3%A4%25', 'a usual name stays as it is')
})

test('TR-16: nothing goes over plain http to another machine, and a redirect is not followed', async t => {
  const calls: string[] = []
  const world = oauth2World({
    fetch: (url, init) => {
      calls.push(url)
      return directFetch(undefined)(url, init)
    },
  })
  for (const token_url of ['http://id.example/token', 'http://10.0.0.1/token', 'http://localhost.example/token']) {
    const source = oauth2Source(oauth2Settings({ token_url }), world, sessionHome(t))
    await t.rejects(source.fetch(soon()), { permanent: true, message: /is not https/ })
  }
  t.same(calls, [])
  const other = await startUpstream(() => answer(200, '{"access_token":"t","token_type":"bearer"}'))
  const upstream = await startUpstream(() => answer(307, '', `Location: ${other.url}`))
  t.teardown(() => Promise.all([other.close(), upstream.close()]))
  const source = oauth2Source(oauth2Settings({ token_url: upstream.url }), world, sessionHome(t))
  await t.rejects(source.fetch(soon()), { permanent: false, message: /redirects \(status 307\)/ })
  t.same([upstream.seen.length, other.seen.length], [1, 0])
})

test('a private root is trusted when it is named, and without it the reason is', async t => {
  const { key, cert } = makeCertificate()
  const script = () => answer(200, '{"access_token":"t","token_type":"bearer"}')
  const upstream = await startUpstream(script, { tls: { key, cert } })
  t.teardown(upstream.close)
  const settings = oauth2Settings({ token_url: `https://localhost:${upstream.port}/token` })
  const trusting = oauth2World({ fetch: directFetch([cert]) })
  t.equal((await oauth2Source(settings, trusting, sessionHome(t)).fetch(soon())).token, 't')
  await t.rejects(oauth2Source(settings, oauth2World(), sessionHome(t)).fetch(soon()), {
    message: /gave no answer \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    permanent: false,
  })
})

test('TR-05: a client that was refused is asked for again when the file of its secret changes', async t => {
  const oidc = await startOidc(t)
  const file = join(shortDir(t), 'secret')
  writeFileSync(file, 'old')
  const settings = oauth2Settings({ token_url: oidc.token_url, client_secret: { file } })
  const source = oauth2Source(settings, oauth2World(), sessionHome(t))
  await t.rejects(source.fetch(soon()), { permanent: true, message: /invalid_client/ })
  let end: (() => void) | undefined
  const changed = new Promise<void>(resolve => {
    end = source.watch?.(resolve)
  })
  t.teardown(() => end?.())
  writeFileSync(`${file}.new`, SECRET)
  renameSync(`${file}.new`, file)
  await changed
  t.ok((await source.fetch(soon())).token)
})

test('a flight that nobody waits for any more ends at once', async t => {
  const upstream = await startUpstream(() => undefined)
  t.teardown(upstream.close)
  const source = oauth2Source(oauth2Settings({ token_url: upstream.url }), oauth2World(), sessionHome(t))
  const over = new AbortController()
  const fetched = source.fetch(over.signal)
  const reached = new Promise<void>(resolve => {
    const look = () => (upstream.seen.length > 0 ? resolve() : setImmediate(look))
    look()
  })
  await reached
  over.abort()
  await t.rejects(fetched, { message: `${upstream.url}/ did not answer in time`, permanent: false })
})
