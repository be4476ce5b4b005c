import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { main } from '../../../src/cli.js'
import { storedRefreshToken } from '../../support/refresh-process.js'
import { answer, startUpstream } from '../../support/upstream.js'

/** The command in a folder with this configuration. What it prints is searched for tokens, every time. */
function folder(t: Test, yaml: string) {
  const dir = t.testdir({ 'mulligan.yaml': `state: state\n${yaml}` })
  const login = async (...words: string[]) => {
    const [out, err]: [string[], string[]] = [[], []]
    const code = await main(['login', ...words], {
      stdout: { write: text => out.push(text) },
      stderr: { write: text => err.push(text) },
      env: { HOME: dir },
      cwd: dir,
    })
    const said = { code, out: out.join(''), err: err.join('') }
    t.notMatch(said.out + said.err, 'canary')
    return said
  }
  return { state: join(dir, 'state'), login }
}

const DEVICE = {
  device_code: 'canarydevice',
  user_code: 'AB-CD',
  verification_uri: 'https://id.test/go',
  expires_in: 600,
  interval: 0.01,
}
const json = (body: object, status = 200): string => answer(status, JSON.stringify(body))
const GRANTED = json({ access_token: 'canaryaccess', token_type: 'bearer', refresh_token: 'canarysession' })

const vendorAt = (port: number): string => `
credentials:
  vendor:
    source:
      oauth2:
        grant: device_code
        token_url: http://127.0.0.1:${port}/token
        device_url: http://127.0.0.1:${port}/device
        client_id: me
`

/** A server whose device endpoint says `device`, and whose token endpoint gives these answers, one by one. */
async function scene(t: Test, device: object, answers: readonly string[]) {
  let next = 0
  const upstream = await startUpstream(({ path }) => (path === '/device' ? json(device) : answers[next++]))
  t.teardown(upstream.close)
  return folder(t, vendorAt(upstream.port))
}

t.test('login says where to go and what to compare, waits, and keeps the session', async t => {
  const completeUri = 'https://id.test/go?code=AB-CD'
  const device = { ...DEVICE, verification_uri_complete: completeUri }
  const { login, state } = await scene(t, device, [json({ error: 'authorization_pending' }, 400), GRANTED])
  const { code, out, err } = await login('vendor')
  t.equal(
    out,
    `To log in for "vendor", open this page, on any device:

  ${completeUri}

and compare the code: AB-CD (to type by hand: https://id.test/go). It is good for 10m.
Waiting for that; Ctrl-C gives up.

Logged in. The session is kept in ${state}; a daemon that runs there goes on with it.
`,
  )
  t.equal(code, 0)
  t.equal(err, '')
  t.equal(storedRefreshToken(state), 'canarysession')
})

t.test('a server that makes no address with the code in it leaves the user to enter it', async t => {
  const { login } = await scene(t, DEVICE, [GRANTED])
  t.match(
    (await login('vendor')).out,
    '\n\n  https://id.test/go\n\nand enter the code AB-CD there. It is good for 10m.\n',
  )
})

t.test('--state is where the session is kept', async t => {
  const { login, state } = await scene(t, DEVICE, [GRANTED])
  const other = join(state, 'other')
  t.match(await login('vendor', '--state', other), { code: 0, out: `The session is kept in ${other};` })
  t.equal(storedRefreshToken(state), undefined)
  t.equal(storedRefreshToken(other), 'canarysession')
})

t.test('a login that fails says why in one line, with code 1', async t => {
  const rows: [string, object, string[], RegExp][] = [
    ['refused', DEVICE, [json({ error: 'access_denied' }, 400)], /says no: access_denied/],
    ['too late', DEVICE, [json({ error: 'expired_token' }, 400)], /says no: expired_token/],
    ['no session', DEVICE, [json({ access_token: 'canary', token_type: 'bearer' })], /the scope offline_access/],
    ['no code', { ...DEVICE, user_code: 'A\u001b[2J' }, [], /gave no device code/],
  ]
  for (const [name, device, answers, why] of rows) {
    const { login, state } = await scene(t, device, answers)
    const { code, err } = await login('vendor')
    t.equal(code, 1, name)
    t.match(err, /^mulligan: no login for "vendor": .*\n$/, name)
    t.match(err, why, name)
    t.equal(storedRefreshToken(state), undefined, name)
  }
})

t.test('a server that is down is named', async t => {
  const closed = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => closed.once('listening', resolve))
  const { port } = closed.address() as { port: number }
  await new Promise(resolve => closed.close(resolve))
  t.same(await folder(t, vendorAt(port)).login('vendor'), {
    code: 1,
    out: '',
    err: `mulligan: no login for "vendor": http://127.0.0.1:${port}/device gave no answer (ECONNREFUSED)\n`,
  })
})

t.test('what has no use for a login says what to do instead, with code 2', async t => {
  const { login } = folder(
    t,
    `
credentials:
  variable: { source: { env: TOKEN } }
  file: { source: { file: /run/token } }
  program: { source: { exec: { command: [gcloud, auth, print-access-token] } } }
  cloud: { source: { metadata: { provider: gcp } } }
  robot: { source: { oauth2: { token_url: "https://id.test/token", client_id: me, client_secret: { env: S } } } }
  old:
    source:
      oauth2: { grant: refresh_token, token_url: "https://id.test/token", client_id: me, refresh_token: { env: R } }
`,
  )
  const rows: [string, string][] = [
    ['variable', '"variable" has no use for a login: set TOKEN, and start the daemon anew'],
    ['file', '"file" has no use for a login: write its token to /run/token; a running daemon notices'],
    ['program', '"program" has no use for a login: log in with gcloud, which gives its tokens'],
    ['cloud', '"cloud" has no use for a login: the machine has its tokens from gcp'],
    ['robot', '"robot" has no use for a login: grant client_credentials gets tokens without one'],
    [
      'old',
      '"old" has no use for a login: grant refresh_token begins with the token in refresh_token; grant device_code is the one to log in for',
    ],
    ['prorgam', 'no credential is called "prorgam", did you mean "program"?'],
    ['toString', 'no credential is called "toString"; there is variable, file, program, cloud, robot, old'],
  ]
  for (const [name, message] of rows)
    t.same(await login(name), { code: 2, out: '', err: `mulligan: ${message}\nTry: mulligan login --help\n` })
  t.match(await login(), { code: 2, err: /^mulligan: login needs NAME\n/ })
  t.match(await folder(t, '').login('x'), { code: 2, err: /no credential is called "x"; the configuration has none\n/ })
})
