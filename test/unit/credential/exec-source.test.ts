import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ExecSettings } from '../../../src/config/credential.js'
import { execSource } from '../../../src/credential/exec-source.js'
import { SourceError } from '../../../src/credential/source.js'
import { systemClock } from '../../../src/time/clock.js'
import { seconds } from '../../../src/time/units.js'
import { ManualClock, START } from '../../support/clock.js'

const PATH = process.env['PATH']
const { signal } = new AbortController()

const sourceOf = (command: readonly string[], format: ExecSettings['format'] = 'text', env = {}, clock = systemClock) =>
  execSource({ command, timeout: seconds(10), format }, { PATH, ...env }, clock)

/** What `sh -c script` gives: a token, or its error. */
const run = async (script: string, format: ExecSettings['format'] = 'text', env = {}): Promise<unknown> =>
  sourceOf(['sh', '-c', script], format, env)
    .fetch(signal)
    .then(
      ({ token }) => token,
      (error: unknown) => (error instanceof SourceError ? error : Promise.reject(error)),
    )

t.test('T7: a program is run without a shell, with the given environment and no other', async t => {
  t.equal((await sourceOf(['echo', '$HOME; x']).fetch(signal)).token, '$HOME; x')
  t.equal(await run('echo "$A-$HOME"', 'text', { A: 'a' }), 'a-')
  t.equal(sourceOf(['vendor', '--secret=canary']).description, 'program vendor')
})

t.test('T7: a program has nothing to read and no terminal to ask on', async t => {
  t.equal(await run('cat; (: </dev/tty) 2>/dev/null && echo terminal || echo none'), 'none')
})

t.test('T7: json and ExecCredential are read, and expire from the question on', async t => {
  const clock = new ManualClock()
  const json = await sourceOf(['echo', '{"access_token":"a","expires_in":60}'], 'json', {}, clock).fetch(signal)
  t.strictSame(json, { token: 'a', expiresAt: START + 60_000 })
  const document = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"b","expirationTimestamp":"2026-01-01T00:01:00Z"}}`
  const exec = await sourceOf(['echo', document], 'exec_credential', {}, clock).fetch(signal)
  t.strictSame(exec, { token: 'b', expiresAt: START + 60_000 })
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('F27: a clock that is set while a program runs makes no token last longer', async t => {
  for (const [jump, expiresAt] of [
    [-86_400_000, START - 86_400_000 + 60_000],
    // Or the machine slept.
    [30_000, START + 60_000],
  ] as const) {
    const clock = new ManualClock()
    const fetched = sourceOf(['echo', '{"access_token":"a","expires_in":60}'], 'json', {}, clock).fetch(signal)
    clock.jump(jump)
    t.strictSame(await fetched, { token: 'a', expiresAt })
  }
})

t.test('a Kubernetes plugin is told that nobody can be asked', async t => {
  const failure = await run('test "$KUBERNETES_EXEC_INFO" = "$EXPECTED" && exit 40', 'exec_credential', {
    EXPECTED: '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}',
  })
  t.match(failure, { message: 'sh ended with exit code 40' })
})

t.test('what cannot be a token has a clear reason, and is in no message', async t => {
  const cases: [string, ExecSettings['format'], string][] = [
    ['true', 'text', 'sh printed nothing'],
    ['echo', 'json', 'sh printed nothing'],
    [`printf 'canary\\377\\376'`, 'text', 'sh gave bytes that are no UTF-8 text'],
    [`printf 'c\\000a\\000'`, 'text', 'sh gave control characters, which are no token'],
    [`printf 'canary\\ncanary'`, 'text', 'sh gave more than one line, which is no token'],
    [`echo '{"token":"canary"}'`, 'text', 'sh printed JSON; set `exec.format`'],
    ['echo "<html>canary</html>"', 'json', 'sh gave something that is no JSON object'],
    [
      `echo '{"token":"canary","expires_in":-5}'`,
      'json',
      'sh gave an "expires_in" that is no number of seconds above 0',
    ],
    [`echo '{"token":"canary"}'`, 'exec_credential', 'sh gave something that is no ExecCredential'],
    ['yes canary', 'text', 'sh printed more than 64 KiB'],
  ]
  for (const [script, format, message] of cases) {
    const failure = await run(script, format)
    t.match(failure, { name: 'SourceError', permanent: false, message }, script)
    t.notMatch(String((failure as Error).stack), /canary/)
  }
})

t.test('T7: a program that fails says so in its own words', async t => {
  t.match(await run('echo "no such profile" >&2; exit 3'), {
    permanent: false,
    message: 'sh ended with exit code 3: no such profile',
  })
  const echo = ['sh', '-c', 'echo "no profile in $*" >&2; exit 3', '--secret=canary1', '--key', 'canary2', '--help']
  await t.rejects(sourceOf(echo).fetch(signal), {
    message: 'sh ended with exit code 3: no profile in --key [redacted] --help',
  })
  t.match(await run('kill -TERM $$'), { permanent: false, message: 'sh was ended by SIGTERM' })
  t.equal(await run('head -c 1000000 /dev/zero >&2; echo ok'), 'ok', 'much on stderr holds up nothing')
})

t.test('TR-05: exit code 78 and a program that is not there are permanent', async t => {
  t.match(await run('echo "log in first" >&2; exit 78'), {
    permanent: true,
    message: 'sh ended with exit code 78: log in first',
  })
  await t.rejects(sourceOf(['/does/not/exist']).fetch(signal), {
    permanent: true,
    message: '/does/not/exist cannot be run: there is no such program; check `exec.command` and PATH',
  })
  const file = join(t.testdir({ plain: 'echo x' }), 'plain')
  await t.rejects(sourceOf([file]).fetch(signal), {
    permanent: true,
    message: `${file} cannot be run: it may not be executed; check its permissions`,
  })
  await t.rejects(sourceOf(['echo', 'a\0b']).fetch(signal), { name: 'SourceError', permanent: false })
})

t.test('T8: neither what it printed nor a secret of its environment is in the message', async t => {
  const cases: [string, object][] = [
    ['echo cana-ry; echo "refused cana-ry" >&2; exit 1', {}],
    [`echo '{"token":"cana-ry"}'; echo "refused cana-ry" >&2; exit 1`, {}],
    ['echo "$VENDOR_SECRET" >&2; exit 1', { VENDOR_SECRET: 'cana-ry' }],
    ['echo "token=cana-ry" >&2; exit 78', {}],
    ['echo "Authorization: Basic cana-ry" >&2; exit 1', {}],
    [`printf "%04200d\\n" 0 >&2; echo "eyJhbGciOiJub25lIn0.cana-ry.cana-ry" >&2; exit 1`, {}],
  ]
  for (const [script, env] of cases) {
    const failure = await run(script, 'json', env)
    t.match(failure, { name: 'SourceError', message: /\[redacted\]/ }, script)
    t.notMatch(String((failure as Error).stack), /cana-ry/, script)
    t.equal((failure as Error).cause, undefined)
  }
})

/** A program with a child of its own, both of which hold a connection as long as they live. */
async function startFamily(t: Test): Promise<{ command: string[]; members: Promise<Socket[]> }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const script = `
    require('net').connect(${port}, '127.0.0.1')
    const [code] = process.argv.slice(1)
    if (code) require('child_process').spawn(process.execPath, ['-e', code], { stdio: 'inherit' })
    console.error('waiting for a person')`
  const members = new Promise<Socket[]>(resolve => {
    const sockets: Socket[] = []
    server.on('connection', socket => {
      socket.on('error', () => undefined).resume()
      if (sockets.push(socket) === 2) resolve(sockets)
    })
  })
  return { command: [process.execPath, '-e', script, script], members }
}

t.test('T7: after its time a program is killed with all its children', { timeout: 20_000 }, async t => {
  const { command, members } = await startFamily(t)
  const clock = new ManualClock()
  const failing = t.rejects(sourceOf(command, 'text', {}, clock).fetch(signal), {
    name: 'SourceError',
    permanent: false,
    message: /^\S+ took longer than 10s/,
  })
  const gone = (await members).map(socket => once(socket, 'close'))
  clock.advance(9_999)
  clock.advance(1)
  await failing
  await Promise.all(gone)
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('a program is killed with all its children when nobody waits any more', { timeout: 20_000 }, async t => {
  const { command, members } = await startFamily(t)
  const abort = new AbortController()
  const failing = t.rejects(sourceOf(command).fetch(abort.signal), { message: /was ended before it gave a token/ })
  const gone = (await members).map(socket => once(socket, 'close'))
  abort.abort()
  await failing
  await Promise.all(gone)
  await t.rejects(sourceOf(command).fetch(AbortSignal.abort()), { message: /was not started in time/ })
})

t.test('a child that a program leaves behind does not hold up its answer', { timeout: 20_000 }, async t => {
  const pid = await run('sleep 60 & echo $!')
  t.match(pid, /^\d+$/)
  t.ok(process.kill(Number(pid), 'SIGKILL'), 'it was still there')
})
