import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { main } from '../../src/cli.js'
import type { JsonReport } from '../../src/conformance/json-report.js'
import { PHASE_NAMES } from '../../src/conformance/verdict.js'
import { kitText, SECRETS } from '../support/conformance.js'
import { startTestDaemon } from '../support/daemon.js'
import { startIdempotentUpstream, type UpstreamBehaviour } from '../support/idempotent-upstream.js'
import { UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { mulligan } from '../support/mulligan.js'
import { shortDir } from '../support/short-dir.js'

type Said = { code: number | null; stdout: string; stderr: string }

/** An upstream, its kit, and the command line on it, as a process of its own. */
async function scene(t: Test, behaviour: UpstreamBehaviour = {}, edit = (kit: string) => kit) {
  const upstream = await startIdempotentUpstream(behaviour)
  t.teardown(() => upstream.close())
  const folder = shortDir(t)
  const kit = join(folder, 'kit.yaml')
  writeFileSync(kit, edit(kitText(upstream.url, behaviour.mcp)))
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ...SECRETS }
  const run = (...args: string[]): Promise<Said> =>
    mulligan(['conformance', 'idempotency', '--kit', kit, ...args], env, '', folder)
  return { upstream, folder, kit, env, run }
}

const QUICK = ['--phase', 'replay_equal,mismatch,ttl']

t.test('exit code 0: nothing failed, as a table with what the target turned out to be', async t => {
  const { run } = await scene(t)
  const { code, stdout, stderr } = await run(...QUICK)
  t.equal(code, 0, stderr)
  t.equal(stderr, '', 'no progress where there is no terminal')
  t.match(stdout, /^mulligan conformance idempotency: idempotency at http:\/\/localhost:\d+ \(rest\)\n/)
  t.match(stdout, /\n {2}pass {2}replay_equal +same status and id, marked by Idempotent-Replayed\n/)
  t.match(stdout, /\n {2}n\/a {3}ttl +ttl_not_probed /)
  t.match(stdout, /\n {2}other body +rejected \(422\)\n/)
  t.match(stdout, /\n2 passed, 0 failed, 1 not applicable, 12 not selected/)
})

t.test('exit code 1: a phase failed, and that counts more than one that says nothing', async t => {
  const { run } = await scene(t, { defect: 'replays a mismatch' })
  const { code, stdout } = await run(...QUICK, '--require', 'ttl')
  t.equal(code, 1)
  t.match(stdout, /FAIL {2}mismatch +silently_replayed /)
})

t.test('exit code 2: a target that is not marked as a sandbox is not asked, unless that is said', async t => {
  const { run, upstream } = await scene(t, {}, kit => kit.replace('sandbox: true\n', ''))
  const { code, stderr } = await run(...QUICK)
  t.equal(code, 2)
  t.match(stderr, /is not marked as a sandbox/)
  t.equal(upstream.secrets.size, 0, 'nothing was sent')
  t.equal((await run(...QUICK, '--allow-live-side-effects')).code, 0)
})

t.test('exit code 3: there is no target', async t => {
  // Nobody listens on port 1; one that was let go of may be somebody else's the next moment.
  const { run } = await scene(t, {}, kit => kit.replace(/localhost:\d+/g, 'localhost:1'))
  t.match(await run(...QUICK), { code: 3, stdout: '', stderr: /gave no answer: ECONNREFUSED/ })
})

t.test('exit code 4: a required phase says nothing', async t => {
  const { run } = await scene(t)
  t.equal((await run(...QUICK, '--require', 'ttl')).code, 4)
  t.equal((await run(...QUICK, '--require', 'scope')).code, 4, 'nor does one that was not selected')
  t.equal((await run(...QUICK, '--require', 'mismatch')).code, 0)
})

t.test('neither format of a report holds a secret, a whole key or an id', async t => {
  const { run, upstream } = await scene(t, { defect: 'conflict leaks the answer' })
  for (const format of ['table', 'json', 'junit']) {
    const { code, stdout, stderr } = await run('--format', format)
    t.equal(code, 1, stderr)
    const told = [...upstream.secrets].filter(secret => stdout.includes(secret.replace('Bearer ', '')))
    t.strictSame(told, [], format)
    t.notMatch(stdout, /order-[0-9a-f]/, format)
  }
  t.ok(upstream.secrets.size > 100)
})

t.test('the JSON report has every phase with grade, reason, statuses and hashed ids', async t => {
  const { run } = await scene(t, { defect: 'global scope' })
  const report = JSON.parse((await run('--format', 'json')).stdout) as JsonReport
  t.match(report, {
    schema_version: 1,
    profile: 'rest',
    summary: { pass: 13, fail: 1, not_applicable: 1, by_reason: { cross_scope_replay: 1, ttl_not_probed: 1 } },
    left: 0,
    derived_profile: { mode: 'replay', carrier: 'header:Idempotency-Key', clean: false },
  })
  t.strictSame(
    report.phases.map(({ phase }) => phase),
    [...PHASE_NAMES],
  )
  t.match(
    report.phases.find(({ phase }) => phase === 'scope'),
    { grade: 'fail', code: 'cross_scope_replay', attempts: 2, statuses: { 201: 2 }, ids: [/^[0-9a-f]{12}$/] },
  )
})

t.test('the JUnit report is XML that a parser takes', async t => {
  const { run } = await scene(t, { defect: 'replays a mismatch' }, kit => `name: shop-1\n${kit}`)
  const { stdout } = await run(...QUICK, '--format', 'junit')
  t.match(stdout, /<testsuite name="shop-1" hostname="localhost:\d+" tests="15" failures="1" errors="0" skipped="13"/)
  t.match(stdout, /name="mismatch" time="[\d.]+">\n +<failure type="silently_replayed" message="/)
  t.match(stdout, /name="ttl" time="[\d.]+">\n +<skipped message="ttl_not_probed: /)
  const program =
    'import sys, xml.dom.minidom as x; print(len(x.parseString(sys.stdin.buffer.read()).getElementsByTagName("testcase")))'
  const { error, stdout: count } = spawnSync('python3', ['-c', program], { input: stdout, encoding: 'utf8' })
  if (error === undefined) t.equal(count.trim(), '15')
  else t.comment('python3 is not installed: no parser to read the report')
})

t.test('proxy variables are not looked at, --proxy is, and both hold for TLS', async t => {
  const { run, folder, env } = await scene(t, { tls: UPSTREAM_CERTIFICATE })
  const daemon = await startTestDaemon()
  t.teardown(() => daemon.close())
  const roots = join(folder, 'roots.pem')
  writeFileSync(roots, UPSTREAM_CERTIFICATE.cert)
  const dead = 'http://127.0.0.1:1'
  Object.assign(env, { HTTPS_PROXY: dead, HTTP_PROXY: dead, NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: roots })
  const direct = await run(...QUICK)
  t.equal(direct.code, 0, direct.stderr)
  const through = await run(...QUICK, '--proxy', daemon.url)
  t.equal(through.code, 0, through.stderr)
  t.match(through.stdout, `through ${new URL(daemon.url).host}`)
  const tunnels = daemon.exchanges().filter(({ mode }) => mode === 'tunnel')
  t.ok(tunnels.length > 4, 'each request in a tunnel of its own')
  t.match(await run(...QUICK, '--proxy', dead), { code: 3, stderr: /gave no answer: ECONNREFUSED/ })
})

t.test('a slip in the words is met with what is allowed, and code 2', async t => {
  const folder = shortDir(t)
  const kit = join(folder, 'kit.yaml')
  writeFileSync(kit, kitText('http://127.0.0.1:1'))
  const rows: [string, RegExp][] = [
    ['idempotency', /needs --kit FILE, or --self/],
    ['idempotency --self --kit kit.yaml', /--self has a kit of its own; drop --kit/],
    ['retries --kit kit.yaml', /"retries" is nothing to check; idempotency is/],
    ['idempotency --kit none.yaml', /none\.yaml: cannot be read: ENOENT/],
    ['idempotency --kit kit.yaml --phase replay_eqal', /no phase, did you mean "replay_equal"/],
    ['idempotency --kit kit.yaml --format xml', /--format is table, json or junit/],
    ['idempotency --kit kit.yaml --trip concurrent=40', /--trip is sequential/],
    ['idempotency --kit kit.yaml --trip sequential=10', /--trip is sequential/],
    ['idempotency --kit kit.yaml --timeout soon', /--timeout is a duration/],
    ['idempotency --kit kit.yaml --proxy socks5://x', /--proxy is an http URL/],
    ['idempotency --kit kit.yaml', /environment variable ALICE is not set/],
  ]
  for (const [line, message] of rows) {
    let err = ''
    const io = { stdout: { write: () => t.fail(line) }, stderr: { write: (text: string) => (err += text) } }
    const code = await main(['conformance', ...line.split(' ')], { ...io, env: {}, cwd: folder })
    t.equal(code, 2, line)
    t.match(err, message, line)
  }
})
