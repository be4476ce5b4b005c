import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Config } from '../../../src/config/config.js'
import { parseConfig } from '../../../src/config/load.js'
import { Credentials } from '../../../src/credential/credentials.js'
import type { Refresh, Token, Unavailable } from '../../../src/credential/token.js'
import { type Clock, systemClock } from '../../../src/time/clock.js'
import { makeCertificate } from '../../support/certificate.js'
import { ManualClock } from '../../support/clock.js'
import { shortDir } from '../../support/short-dir.js'
import { answer, startUpstream } from '../../support/upstream.js'

type Given = { readonly yaml: string; readonly env?: Record<string, string>; readonly clock?: Clock }

/** The registry of a configuration, with everything it said. */
function open(t: Test, { yaml, env = {}, clock = systemClock }: Given) {
  const folder = shortDir(t)
  const read = (text: string): Config => parseConfig(join(folder, 'm.yaml'), `state: ./state\n${text}`, env).config
  const refreshes: Refresh[] = []
  const warnings: string[] = []
  const credentials = new Credentials(read(yaml), {
    env,
    clock,
    random: () => 0.5,
    onRefresh: refresh => refreshes.push(refresh),
    warn: (credential, what) => warnings.push(`${credential}: ${what}`),
  })
  t.teardown(() => credentials.close())
  const acquire = (name: string) =>
    new Promise<Token | Unavailable>((resolve, reject) => {
      const cache = credentials.get(name)?.cache
      if (cache === undefined) reject(new Error(`there is no ${name}`))
      else cache.acquire(clock.monotonic() + 20_000, resolve)
    })
  const reload = (text: string) => credentials.reload(read(text))
  return { folder, credentials, refreshes, warnings, acquire, reload }
}

const fromEnv = (name: string, more = '') => `credentials: { v: { source: { env: ${name} }${more} } }\n`

test('a credential is what the file says, and a name that it does not have is none', async t => {
  const { credentials } = open(t, {
    yaml: fromEnv('T', ', inject: { header: X-Key, keep: true }, on_401: pass, allow_cleartext: true'),
  })
  t.match(credentials.get('v'), {
    name: 'v',
    injection: { carrier: { kind: 'header', name: 'X-Key' }, when: 'absent' },
    on_401: 'pass',
    allowCleartext: true,
  })
  for (const name of ['w', 'constructor', '__proto__']) t.equal(credentials.get(name), undefined, name)
})

test('T1: nothing is asked before a token is needed; each kind of source gives one', async t => {
  const { folder, credentials, refreshes, acquire } = open(t, {
    env: { TOKEN: 'from-env', PATH: process.env['PATH'] ?? '' },
    yaml: `credentials:
  env: { source: { env: TOKEN } }
  file: { source: { file: token } }
  exec: { source: { exec: { command: [node, -e, 'console.log("from-exec")'] } } }
`,
  })
  writeFileSync(join(folder, 'token'), 'from-file\n')
  t.match(
    credentials.statuses().map(({ name, state, usable }) => [name, state, usable]),
    [
      ['env', 'none', false],
      ['file', 'none', false],
      ['exec', 'none', false],
    ],
  )
  for (const name of ['env', 'file', 'exec']) t.match(await acquire(name), { value: `from-${name}`, generation: 1 })
  t.match(
    refreshes.map(({ credential, reason, outcome }) => [credential, reason, outcome]),
    ['env', 'file', 'exec'].map(name => [name, 'first', 'ok']),
  )
  const shown = JSON.stringify([credentials.statuses(), refreshes])
  t.notMatch(shown, /from-(?:env|file|exec)/, 'T8')
})

test('a reload keeps the token of a credential whose source and times are the same', async t => {
  const { credentials, refreshes, acquire, reload } = open(t, { env: { T: 'abc', U: 'def' }, yaml: fromEnv('T') })
  await acquire('v')
  const before = credentials.get('v')
  reload(fromEnv('T', ', inject: { query: key }, on_401: pass'))
  t.equal(credentials.get('v')?.cache, before?.cache)
  t.match(credentials.get('v'), { injection: { carrier: { kind: 'query' } }, on_401: 'pass' }, 'the rest is new')
  t.equal(before?.injection.carrier.kind, 'bearer', 'who holds the old one keeps it')
  for (const change of [', ttl: 6m', ', refresh_ahead: 1s', ', min_interval: 1s']) {
    const last = credentials.get('v')?.cache
    reload(fromEnv('T', change))
    t.not(credentials.get('v')?.cache, last, change)
  }
  t.equal(refreshes.length, 1)
  reload(fromEnv('U'))
  t.match(await acquire('v'), { value: 'def', generation: 1 })
})

test('a reload closes what went, and tells those who wait for it', async t => {
  const { credentials, acquire, reload } = open(t, {
    env: { PATH: process.env['PATH'] ?? '' },
    yaml: "credentials: { v: { source: { exec: { command: [node, -e, 'setTimeout(() => 0, 60_000)'] } } } }\n",
  })
  const waits = acquire('v')
  const { cache } = credentials.get('v') ?? {}
  reload('version: 1\n')
  t.match(await waits, { reason: 'this credential was closed' })
  t.equal(credentials.get('v'), undefined)
  t.same(credentials.statuses(), [])
  t.equal(cache?.current(), undefined)
})

test('TR-05: what failed for good is asked again after a reload', async t => {
  const env: Record<string, string> = {}
  const clock = new ManualClock()
  const { credentials, acquire, reload } = open(t, { env, clock, yaml: fromEnv('T') })
  const reason = 'environment variable T is not set'
  t.match(await acquire('v'), { permanent: true, reason })
  t.match(credentials.statuses(), [{ name: 'v', state: 'needs_login', usable: false, error: reason }])
  env['T'] = 'abc'
  clock.advance(60_000)
  t.match(await acquire('v'), { permanent: true }, 'nothing says that it changed')
  const { cache } = credentials.get('v') ?? {}
  reload(fromEnv('T'))
  t.equal(credentials.get('v')?.cache, cache)
  t.match(await acquire('v'), { value: 'abc' })
  t.match(credentials.statuses(), [{ state: 'valid', usable: true, error: undefined }])
})

test('a program has the time that the file gives it, and not only the usual one', async t => {
  const clock = new ManualClock()
  const command = "command: [node, -e, 'setTimeout(() => 0, 60_000)']"
  const { credentials, acquire } = open(t, {
    clock,
    env: { PATH: process.env['PATH'] ?? '' },
    yaml: `credentials: { v: { source: { exec: { ${command}, timeout: 20s } } } }\n`,
  })
  const waits = acquire('v')
  await clock.advanceAsync(19_999)
  t.match(credentials.statuses(), [{ state: 'renewing' }])
  await clock.advanceAsync(1)
  t.match(await waits, { permanent: false, reason: 'node took longer than 20s' })
})

const oauth2 = (port: number, more = '') =>
  `credentials: { v: { source: { oauth2: { token_url: "https://127.0.0.1:${port}/token", client_id: c, client_auth: none } } } }\n${more}`

test('an OAuth endpoint is trusted by the roots of egress.ca_file, and its token outlives a reload', async t => {
  const certificate = makeCertificate()
  const server = await startUpstream(
    () =>
      answer(200, '{"access_token":"abc","token_type":"Bearer","expires_in":600}', 'Content-Type: application/json'),
    { tls: certificate },
  )
  t.teardown(server.close)
  const { folder, credentials, refreshes, acquire, reload } = open(t, { yaml: oauth2(server.port) })
  t.match(credentials.statuses(), [{ source: `oauth2 client_credentials at https://127.0.0.1:${server.port}/token` }])
  t.match(await acquire('v'), { permanent: false, reason: /gave no answer \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/ })
  writeFileSync(join(folder, 'ca.pem'), certificate.cert)
  const trusting = oauth2(server.port, 'egress: { ca_file: ca.pem }\n')
  reload(trusting)
  const token = await acquire('v')
  t.match(token, { value: 'abc' })
  reload(trusting)
  t.equal(credentials.get('v')?.cache.current(), token)
  t.same(
    refreshes.map(({ outcome }) => outcome),
    ['failed', 'ok'],
  )
  t.equal(server.seen.length, 1)
})

test('T6: a session that cannot be kept is a warning that names its credential', async t => {
  const server = await startUpstream(() =>
    answer(
      200,
      '{"access_token":"abc","token_type":"Bearer","refresh_token":"next"}',
      'Content-Type: application/json',
    ),
  )
  t.teardown(server.close)
  const url = `http://127.0.0.1:${server.port}/token`
  const { folder, warnings, acquire } = open(t, {
    env: { R: 'first' },
    yaml: `credentials: { v: { source: { oauth2: { token_url: "${url}", grant: refresh_token, client_id: c, refresh_token: { env: R } } } } }\n`,
  })
  // A file where the folder belongs: not even root can write there.
  mkdirSync(join(folder, 'state'))
  writeFileSync(join(folder, 'state/credentials'), '')
  t.match(await acquire('v'), { value: 'abc' })
  t.match(warnings, [
    /^v: cannot lock /,
    /^v: cannot write .*v\.json \(E\w+\): the session of "v" ends with this process$/,
  ])
  t.notMatch(warnings.join(), /first|next|abc/, 'T8')
})
