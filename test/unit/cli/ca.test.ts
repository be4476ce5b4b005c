import { X509Certificate } from 'node:crypto'
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type LocalCa, readCa } from '../../../src/certificate/local-ca.js'
import { main } from '../../../src/cli.js'

const ROUTES =
  'state: state\nroutes:\n  - { name: a, match: { host: api.a.test } }\n  - { name: b, match: { host: "*.b.test" } }\n'

function pairOf(state: string): LocalCa {
  const ca = readCa(state)
  if (ca === undefined) throw new Error(`there is no pair in ${state}`)
  return ca
}

/** A folder with a configuration, and the command in it. What it prints is searched for the key, every time. */
function folder(t: Test, files: Record<string, string> = {}) {
  const dir = t.testdir({ 'mulligan.yaml': ROUTES, 'plain.yaml': 'state: state\n', ...files })
  const state = join(dir, 'state')
  const ca = async (...words: string[]) => {
    const [out, err]: [string[], string[]] = [[], []]
    const code = await main(['ca', ...words], {
      stdout: { write: text => out.push(text) },
      stderr: { write: text => err.push(text) },
      env: { HOME: dir },
      cwd: dir,
    })
    const said = { code, out: out.join(''), err: err.join('') }
    t.notMatch(said.out + said.err, 'PRIVATE KEY')
    return said
  }
  return { dir, state, ca }
}

t.test('ca show and ca export say what to do while there is no authority', async t => {
  const { ca } = folder(t)
  for (const words of [['show'], ['show', '--json'], ['export', 'x.pem'], ['export', '-']]) {
    t.match(await ca(...words), { code: 1, out: '', err: /no certificate authority in .*state yet: `mulligan start`/ })
  }
})

t.test('FP-21: ca rotate makes an authority for the hosts of the configuration, ca show tells about it', async t => {
  const { ca, state } = folder(t)
  const first = await ca('rotate')
  t.match(first, { code: 0, err: '' })
  t.match(first.out, /Wrote a new certificate authority: .*state\/ca\.pem, SHA-256 [0-9A-F:]{95}\n/)
  t.match(first.out, /vouches for api\.a\.test, b\.test, and names below\. Clients must trust it: docs\/https\.md\.\n$/)
  const { fingerprint, pem } = pairOf(state)
  t.equal(statSync(state).mode & 0o777, 0o700)
  const shown = await ca('show')
  t.equal(shown.code, 0)
  for (const part of [join(state, 'ca.pem'), fingerprint, /O=mulligan, CN=mulligan local CA [0-9a-f]{6}\n/])
    t.match(shown.out, part)
  t.match(shown.out, /valid +\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d\n/)
  t.match(shown.out, /vouches for +api\.a\.test, b\.test, and names below\n/)
  t.match(shown.out, /mulligan env[\s\S]*docs\/https\.md/)
  t.match(JSON.parse((await ca('show', '--json')).out), {
    path: join(state, 'ca.pem'),
    subject: /^O=mulligan, CN=/,
    fingerprint,
    not_before: /^\d{4}-.*Z$/,
    expired: false,
    hosts: ['api.a.test', 'b.test'],
  })
  const again = await ca('rotate')
  t.match(again.out, /Restart or reload \(SIGHUP\) a running daemon[\s\S]*No client should trust the old certificate/)
  t.equal(readFileSync(join(state, 'ca.pem.old'), 'utf8'), pem)
  t.match(JSON.parse((await ca('rotate', '--json')).out), {
    path: join(state, 'ca.pem'),
    fingerprint: /^[0-9A-F:]{95}$/,
  })
})

t.test('ca rotate without a host to intercept keeps the names there were, or has nothing to replace', async t => {
  const { ca, state } = folder(t)
  t.match(await ca('rotate', '-c', 'plain.yaml'), { code: 1, out: '', err: /name a host in a route first\n$/ })
  await ca('rotate')
  const before = readCa(state)
  t.equal((await ca('rotate', '-c', 'plain.yaml')).code, 0)
  t.strictSame(readCa(state)?.hosts, before?.hosts)
  t.not(readCa(state)?.fingerprint, before?.fingerprint)
  t.match(await ca('rotate', '-c', 'plain.yaml', '--state', 'other'), { code: 1 })
})

t.test('ca export writes the certificate alone, over what is there, or to stdout', async t => {
  const { ca, dir, state } = folder(t, { 'old.pem': 'something longer than nothing' })
  await ca('rotate')
  const { pem, fingerprint } = pairOf(state)
  t.match(await ca('export', 'old.pem'), {
    code: 0,
    out: /^Wrote old\.pem: the certificate, without its key\. SHA-256 /,
  })
  t.equal(readFileSync(join(dir, 'old.pem'), 'utf8'), pem)
  t.equal(new X509Certificate(readFileSync(join(dir, 'old.pem'))).fingerprint256, fingerprint)
  t.strictSame(await ca('export', '-'), { code: 0, out: pem, err: '' })
  t.match(await ca('export', 'no/such/x.pem'), { code: 1, out: '', err: /cannot write no\/such\/x\.pem \(ENOENT\)\n$/ })
})

t.test('what is wrong with the pair is told in one line, with code 1', async t => {
  const { ca, state } = folder(t)
  await ca('rotate')
  chmodSync(join(state, 'ca.key'), 0o644)
  for (const words of [['show'], ['export', '-']]) {
    const { code, out, err } = await ca(...words)
    t.strictSame([code, out], [1, ''])
    t.match(err, /^mulligan: .*ca\.key is open to others \(0644\): chmod 600 .*ca\.key\n$/)
  }
  t.equal((await ca('rotate')).code, 0, 'and a rotation puts it right')
  t.equal((await ca('show')).code, 0)
})

t.test('a typing slip is met with code 2 and what is allowed', async t => {
  const { ca } = folder(t)
  const rows: [string[], RegExp][] = [
    [[], /ca needs show\|export FILE\|rotate/],
    [['exprt', 'x'], /ca has no "exprt", did you mean "export"\?/],
    [['export'], /ca export needs FILE, or - for stdout/],
    [['show', 'x'], /"x" is one word too many/],
    [['rotate', 'x'], /"x" is one word too many/],
    [['export', 'x', 'y'], /"y" is one word too many/],
  ]
  for (const [words, message] of rows) t.match(await ca(...words), { code: 2, out: '', err: message }, words.join(' '))
})
