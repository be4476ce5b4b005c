import t, { type Test } from 'tap'
import type { MetadataSettings } from '../../../src/config/credential.js'
import { askMetadata } from '../../../src/credential/metadata-request.js'
import { metadataSource } from '../../../src/credential/metadata-source.js'
import { millis } from '../../../src/time/units.js'
import { ManualClock, START } from '../../support/clock.js'
import { answer, type Script, startUpstream } from '../../support/upstream.js'

const { signal } = new AbortController()
const GOOGLE = 'Metadata-Flavor: Google'

async function startServer(t: Test, script: Script) {
  const server = await startUpstream(script)
  t.teardown(() => server.close())
  const env = {
    GCE_METADATA_HOST: server.authority,
    AZURE_POD_IDENTITY_AUTHORITY_HOST: server.url,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `${server.url}/`,
  }
  const fetch = (settings: MetadataSettings, more = {}, within = signal) =>
    metadataSource(settings, { ...env, ...more }, new ManualClock()).fetch(within)
  return { server, fetch }
}

t.test('gcp: an access token is asked for with scopes, as the service account that was named', async t => {
  const token = '{"access_token":"a","expires_in":3599,"token_type":"Bearer"}'
  const { server, fetch } = await startServer(t, () => answer(200, token, GOOGLE))
  t.strictSame(await fetch({ provider: 'gcp' }), { token: 'a', expiresAt: START + 3_599_000 })
  await fetch({ provider: 'gcp', account: 'x@y.example', scope: 'https://s.example/one  two' })
  const base = '/computeMetadata/v1/instance/service-accounts'
  t.strictSame(
    server.seen.map(({ method, path }) => `${method} ${path}`),
    [`GET ${base}/default/token`, `GET ${base}/x%40y.example/token?scopes=https%3A%2F%2Fs.example%2Fone%2Ctwo`],
  )
  t.equal(server.seen[0]?.header('metadata-flavor'), 'Google')
  t.equal(server.seen[0]?.header('host'), server.authority)
})

t.test('gcp: an identity token is asked for with its audience, and ends when it says', async t => {
  const jwt = `x.${Buffer.from(JSON.stringify({ exp: START / 1_000 + 60 })).toString('base64url')}.y`
  const { server, fetch } = await startServer(t, () => answer(200, `${jwt}\n`, GOOGLE))
  const settings = { provider: 'gcp', audience: 'https://run.example' } as const
  t.strictSame(await fetch(settings), { token: jwt, expiresAt: START + 60_000 })
  t.match(server.seen[0]?.path, /\/default\/identity\?audience=https%3A%2F%2Frun.example$/)
})

t.test('azure: a virtual machine asks its metadata service', async t => {
  const token = `{"access_token":"a","expires_in":"3600","expires_on":"${START / 1_000 + 3_000}","resource":"r"}`
  const { server, fetch } = await startServer(t, () => answer(200, token))
  const settings = { provider: 'azure', resource: 'https://vault.example', client_id: 'id' } as const
  t.strictSame(await fetch(settings), { token: 'a', expiresAt: START + 3_000_000 })
  t.equal(
    server.seen[0]?.path,
    '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.example&client_id=id',
  )
  t.equal(server.seen[0]?.header('metadata'), 'true')
})

t.test('azure: App Service names an endpoint and a header of its own', async t => {
  const { server, fetch } = await startServer(t, () => answer(200, '{"access_token":"a","expires_on":"1893456000"}'))
  const settings = { provider: 'azure', resource: 'r' } as const
  const token = await fetch(settings, { IDENTITY_ENDPOINT: `${server.url}/msi/token`, IDENTITY_HEADER: 'h' })
  t.strictSame(token, { token: 'a', expiresAt: 1_893_456_000_000 })
  t.equal(server.seen[0]?.path, '/msi/token?api-version=2019-08-01&resource=r')
  t.equal(server.seen[0]?.header('x-identity-header'), 'h')
  await t.rejects(fetch(settings, { IDENTITY_ENDPOINT: 'https://x.example', IDENTITY_HEADER: 'h' }), {
    permanent: true,
    message: 'azure identity endpoint: the environment names an address that is no http URL',
  })
})

t.test('an answer that gives no token says why, for how long, and nothing of its body', async t => {
  const cases: [MetadataSettings['provider'], string, object][] = [
    ['gcp', answer(404, 'canary', GOOGLE), { permanent: false, message: /answered 404; attach a service account/ }],
    ['gcp', answer(403, 'canary', GOOGLE), { permanent: true, message: /answered 403; the metadata server does not/ }],
    ['gcp', answer(200, '{"access_token":"canary"}'), { permanent: false, message: /has no Metadata-Flavor$/ }],
    ['gcp', answer(200, '<html>canary', GOOGLE), { permanent: false, message: /no JSON object$/ }],
    ['gcp', answer(200, '', GOOGLE), { permanent: false, message: /no JSON object$/ }],
    ['gcp', answer(200, 'canary'.repeat(20_000), GOOGLE), { permanent: false, message: /gave more than 64 KiB$/ }],
    ['gcp', answer(200, 'canary', GOOGLE, 'Content-Length: 9'), { permanent: false }],
    ['gcp', 'canary\r\n\r\n', { permanent: false, message: /cannot be reached \(HPE_/ }],
    ['azure', answer(400, 'canary'), { permanent: true, message: /answered 400; give the machine a managed identity/ }],
    ['azure', answer(410, 'canary'), { permanent: false, message: /takes up to 70 s$/ }],
    ['azure', answer(500, 'canary'), { permanent: false, retryAfter: undefined, message: /answered 500$/ }],
    ['azure', answer(429, 'canary', 'Retry-After: 7'), { permanent: false, retryAfter: 7_000 }],
    ['azure', answer(302, '', 'Location: http://canary.example/'), { permanent: false, message: /answered 302$/ }],
    ['azure', answer(200, '{"access_token":"canary","expires_in":-1}'), { permanent: false, message: /"expires_in"/ }],
    ['azure', answer(200, '{"access_token":["canary"]}'), { permanent: false, message: /no text$/ }],
  ]
  for (const [provider, bytes, expected] of cases) {
    const { server, fetch } = await startServer(t, () => bytes)
    const settings = provider === 'gcp' ? { provider } : ({ provider: 'azure', resource: 'r' } as const)
    const failure: unknown = await fetch(settings).catch((error: unknown) => error)
    t.match(failure, { name: 'SourceError', ...expected }, bytes.slice(0, 60))
    t.notMatch(String((failure as Error).stack), /canary/)
    t.equal(server.seen.length, 1, 'asked once')
  }
})

t.test('a server that does not answer is left when nobody waits any more', { timeout: 20_000 }, async t => {
  const abort = new AbortController()
  let closed: () => void = () => undefined
  const gone = new Promise<void>(resolve => {
    closed = resolve
  })
  const { fetch } = await startServer(t, (_, socket) => {
    socket.on('close', closed)
    abort.abort()
    return undefined
  })
  await t.rejects(fetch({ provider: 'gcp' }, {}, abort.signal), {
    name: 'SourceError',
    permanent: false,
    message: /did not answer in time$/,
  })
  await gone
})

t.test('a server that says nothing is left after a while', { timeout: 20_000 }, async t => {
  const { server } = await startServer(t, () => undefined)
  const asked = { url: new URL(server.url), headers: {} }
  await t.rejects(askMetadata(asked, 'it', signal, millis(50)), {
    name: 'SourceError',
    permanent: false,
    message: `it at ${server.authority} does not answer; is this machine in that cloud?`,
  })
})

t.test('a machine outside of the cloud is told so', async t => {
  const { server, fetch } = await startServer(t, () => undefined)
  await server.close()
  await t.rejects(fetch({ provider: 'gcp' }), {
    name: 'SourceError',
    permanent: false,
    message: /cannot be reached \(ECONNREFUSED\); is this machine in that cloud\?$/,
  })
})
