import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { startTestDaemon } from '../support/daemon.js'
import { makeHome, mulligan, mulliganCommand, runScene, spawnMulligan } from '../support/mulligan.js'
import { freePort } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

const PLAIN = 'routes: [{ name: all, match: { host: "*" } }]\n'
const sh = (script: string, ...flags: string[]) => ['run', ...flags, '--', 'sh', '-c', script]

test('FP-28: the exit code is the one of the program, as a shell gives it', async t => {
  const { env, folder } = makeHome(t, PLAIN)
  writeFileSync(join(folder, 'text'), 'no program\n', { mode: 0o600 })
  const rows: [string[], number, RegExp][] = [
    [['run', '--', 'true'], 0, /^$/],
    [sh('exit 7'), 7, /^$/],
    [sh('kill -TERM $$'), 143, /^$/],
    [sh('kill -KILL $$'), 137, /^$/],
    [['run', '--', 'no-such-program'], 127, /^mulligan: no-such-program: there is no such program\n$/],
    [['run', '--', ''], 127, /there is no such program/],
    [['run', '--', join(folder, 'text')], 126, /text: cannot be run \(EACCES\)\n$/],
    [['run', 'true'], 2, /run needs a command behind --: mulligan run \[options\] -- CMD/],
    [['run', '--'], 2, /run needs a command behind --/],
    [['run', 'true', '--', 'true'], 2, /"true" stands before the --/],
    [['run', '--daemon', 'ftp://x', '--', 'true'], 2, /--daemon takes the URL of a proxy port/],
    [['run', '--ca', 'nowhere', '--daemon', 'http://127.0.0.1:1', '--', 'true'], 2, /--ca: cannot read nowhere/],
  ]
  for (const [args, code, message] of rows) {
    const ended = await mulligan(args, env)
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.stderr, message)
    t.equal(ended.stdout, '')
  }
})

test('FP-28: stdin, stdout and stderr are those of the program, byte for byte', async t => {
  const { env } = makeHome(t, PLAIN)
  const ended = await mulligan(sh('cat; echo err >&2; echo "$0:$#:$1"', '-v').concat('--', '-x'), env, 'in\n')
  t.equal(ended.stdout, 'in\n--:1:-x\n', 'what stands behind the first -- is read by the program alone')
  t.match(ended.stderr, /^mulligan: proxy 127\.0\.0\.1:\d+, log \/.*run-\d+\.log\nerr\n$/)
  t.equal((await mulligan(sh('echo err >&2'), env)).stderr, 'err\n')
})

test('FP-28: signals reach the program, and its own way to end is kept', async t => {
  const { env } = makeHome(t, PLAIN)
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT'] as const) {
    const script = `trap 'echo got; exit 9' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`
    const child = spawnMulligan(sh(script), { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
    let output = ''
    for await (const chunk of child.stdout ?? []) {
      output += String(chunk)
      if (output === 'ready\n') child.kill(signal)
    }
    if (child.exitCode === null) await once(child, 'exit')
    t.equal(output, 'ready\ngot\n', signal)
    t.equal(child.exitCode, 9)
  }
})

test('FP-28: nothing is left behind, and nothing in the home is touched', async t => {
  const { env, folder, upstream } = await runScene(t)
  writeFileSync(join(folder, '.wgetrc'), 'tries = 1\n')
  const before = readdirSync(folder)
  const script = 'cat "$WGETRC"; ls "$TMPDIR"/mulligan-run-*/trust; stat -c %a "$TMPDIR"/mulligan-run-*; exit 3'
  const { code, stdout } = await mulligan(sh(script), env)
  t.equal(code, 3)
  t.match(
    stdout,
    /^tries = 1\nca_certificate = .*\nca-added.pem\nca-bundle.pem\nca.pem\nphp\ntruststore.jks\nwgetrc\n700\n$/,
  )
  t.same(readdirSync(join(folder, 'tmp')), [])
  t.same(readdirSync(folder).sort(), [...before, '.local'].sort())
  t.equal(readFileSync(join(folder, '.wgetrc'), 'utf8'), 'tries = 1\n')
  const state = join(folder, '.local/state/mulligan')
  t.same(readdirSync(state).sort(), ['logs', 'tmp'], 'the CA was nowhere but in memory')
  t.same(readdirSync(join(state, 'logs')), [], 'a log with nothing in it does not stay')
  t.equal(upstream.connections(), 0)
  const early = spawnMulligan(sh('sleep 60'), { env, stdio: 'ignore' })
  early.kill('SIGTERM')
  await once(early, 'exit')
  t.same(readdirSync(join(folder, 'tmp')), [], 'a signal that comes before the program is started')
})

test('FP-28: only the program knows the password; --no-auth asks none', async t => {
  const { env } = makeHome(t, PLAIN)
  const get = 'curl -s -o /dev/null -w "%{http_code} " -x "$1" http://127.0.0.1:9/'
  const script = `${get.replace('$1', '$http_proxy')}; ${get.replace('$1', 'http://$' + '{http_proxy#*@}')}`
  t.equal((await mulligan(sh(script, '--proxy-loopback'), env)).stdout, '502 407 ')
  t.match((await mulligan(sh('echo $http_proxy', '--no-auth'), env)).stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/)
  const first = (await mulligan(sh('echo $https_proxy'), env)).stdout
  t.match(first, /^http:\/\/mulligan:[0-9a-f]{32}@127\.0\.0\.1:\d+\n$/)
  t.not((await mulligan(sh('echo $https_proxy'), env)).stdout, first)
})

test('FP-28: a Java program that would go past the proxy is said, and --no-auth covers it', async t => {
  const { env, folder } = makeHome(t, PLAIN)
  const java = join(folder, 'java')
  writeFileSync(java, '#!/bin/sh\nprintenv JAVA_TOOL_OPTIONS || echo none\n', { mode: 0o700 })
  const past = await mulligan(['run', '--', java], env)
  t.match(past, { stdout: 'none\n', stderr: /^mulligan: Java cannot send a proxy password.*--no-auth/ })
  t.match(await mulligan(['run', '--no-auth', '--', java], env), { stdout: /-Dhttps\.proxyHost=/, stderr: '' })
})

test('FP-28: the log is kept, private, and a program that failed for our certificate is told', async t => {
  const { env, folder } = await runScene(t)
  const { code, stderr } = await mulligan(sh('curl -s --cacert company.pem https://api.test/'), env, '', folder)
  t.equal(code, 60)
  t.match(stderr, /^mulligan: api\.test: a client does not trust the local CA: [\s\S]*mulligan: the log is \//)
  const log = stderr.trim().split(' ').at(-1) ?? ''
  t.equal(statSync(log).mode & 0o777, 0o600)
  t.match(readFileSync(log, 'utf8'), /does not trust the local CA/)
})

test('FP-28: a daemon that runs already is used, with its CA, and one that does not is an error before the program', async t => {
  const { env, folder, upstream } = await runScene(t, ({ number }) => answer(number === 1 ? 503 : 200, 'ok'))
  const yaml = readFileSync(join(folder, 'mulligan.yaml'), 'utf8')
  const daemon = await startTestDaemon(`egress: { ca_file: ${folder}/company.pem }\n${yaml}`)
  t.teardown(() => daemon.close())
  const get = (...flags: string[]) => mulligan(['run', ...flags, '--', 'curl', '-sS', 'https://api.test/'], env)
  t.match(await get('--daemon', daemon.url, '--ca', join(daemon.state, 'ca.pem')), { code: 0, stdout: 'ok' })
  t.match(await get('--daemon', `127.0.0.1:${daemon.port}`, '--state', daemon.state), { code: 0, stdout: 'ok' })
  t.equal(upstream.seen.length, 3)
  t.equal((await daemon.logged(2)).at(-1)?.mode, 'intercept')
  const gone = `127.0.0.1:${await freePort()}`
  const { code, stdout, stderr } = await mulligan(['run', '--daemon', gone, '--', 'echo', 'ran'], env)
  t.same({ code, stdout }, { code: 3, stdout: '' })
  t.match(stderr, /no daemon answers on 127\.0\.0\.1:\d+ \(ECONNREFUSED\); start it with `mulligan start`/)
})

test('FP-28: a daemon that asks for a password is used only with it', async t => {
  const { env } = makeHome(t, PLAIN)
  const daemon = await startTestDaemon(`listen: { auth: { username: u, password: p } }\n${PLAIN}`)
  t.teardown(() => daemon.close())
  const run = (url: string) => mulligan(['run', '--daemon', url, '--', 'sh', '-c', 'echo $http_proxy'], env)
  t.match(await run(daemon.url), { code: 3, stdout: '', stderr: /asks for a password; give its user name/ })
  const url = `http://u:p@127.0.0.1:${daemon.port}`
  t.match(await run(url), { code: 0, stdout: `${url}\n` })
})

test('FP-26: where nothing is intercepted no CA variable is set', async t => {
  const { env } = makeHome(t, PLAIN)
  const { stdout } = await mulligan(['run', '--', 'env'], env)
  t.match(stdout, /^https_proxy=/m)
  t.notMatch(stdout, /CERT|BUNDLE|CAINFO|cafile|trustStore|WGETRC|PHP_/)
})

test("FP-28: the parent's own proxy is the next hop, and a run inside a run goes through both", async t => {
  const { env, upstream } = await runScene(t, ({ number }) => answer(number === 1 ? 503 : 200, 'ok'))
  const outer = await startTestDaemon(PLAIN)
  t.teardown(() => outer.close())
  const corporate = { ...env, HTTPS_PROXY: outer.url, no_proxy: 'other.test' }
  const script = 'echo "$no_proxy"; curl -sS https://api.test/'
  t.match(await mulligan(sh(script), corporate), { code: 0, stdout: 'other.test,localhost,127.0.0.1,::1\nok' })
  t.equal((await outer.logged(1))[0]?.host, `localhost:${upstream.port}`)
  const inner = mulliganCommand('run', '--', 'curl', '-sS', 'https://api.test/')
  t.match(await mulligan(['run', '--proxy-loopback', '--', ...inner], env), { code: 0, stdout: 'ok' })
  const logs = join(env['HOME'] ?? '', '.local/state/mulligan/logs')
  const modes = readdirSync(logs).map(name =>
    readFileSync(join(logs, name), 'utf8')
      .match(/"mode":"\w+"/g)
      ?.at(-1),
  )
  t.same(modes.sort(), ['"mode":"intercept"', '"mode":"intercept"', '"mode":"tunnel"'])
})

/** Starts its arguments on a terminal of their own, presses ^C when they are ready, and tells how they ended. */
const TERMINAL = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
while True:
    try: part = os.read(fd, 1024)
    except OSError: break
    if not part: break
    if b'ready' in part: os.write(fd, b'\\x03')
    seen += part
status = os.waitpid(pid, 0)[1]
print(seen.decode().replace('^C', '').split(), os.waitstatus_to_exitcode(status))
`

/** Ends with 5 when it was interrupted once, with 6 when more often. */
const COUNTS = `
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print('ready', flush=True)
signal.sigwait({signal.SIGINT})
print('int', flush=True)
sys.exit(5 if signal.sigtimedwait({signal.SIGINT}, 0.3) is None else 6)
`

/** Ends by the signal itself. */
const DIES = `
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
print('ready', flush=True)
signal.pause()
`

test('FP-28: ^C reaches the program once, and a shell sees that it ended by it', async t => {
  const { env, folder } = makeHome(t, PLAIN)
  if (spawnSync('python3', ['-c', 'import os; os.waitstatus_to_exitcode']).status !== 0) {
    t.comment('skipped: python3 >= 3.9, which makes the terminal, is not installed')
    return
  }
  // The test runner's own handlers, which it puts into every Node below it, would take the signal.
  const onTerminal = (...command: string[]) => {
    const all = ['-u', 'NODE_OPTIONS', 'python3', '-c', TERMINAL, ...mulliganCommand('run', '--', ...command)]
    return spawnSync('env', all, { env }).stdout.toString()
  }
  t.equal(onTerminal('python3', '-c', COUNTS), "['ready', 'int'] 5\n", 'the program lives on, and so do we')
  // Not a shell: one that is just starting a program loses the signal, or makes an exit code of it.
  t.equal(onTerminal('python3', '-c', DIES), "['ready'] -2\n")
  t.same(readdirSync(join(folder, 'tmp')), [])
})

test('FP-26: git, which sends its password only when asked, gets through', async t => {
  const { env, upstream } = await runScene(t, ({ number, path }) => {
    if (number === 1) return answer(503)
    return answer(
      200,
      path.startsWith('/repo/info/refs') ? `${'1'.repeat(40)}\trefs/heads/main\n` : 'ref: refs/heads/main\n',
    )
  })
  if (spawnSync('git', ['--version']).status !== 0) t.comment('skipped: git is not installed')
  else {
    const { stdout, code } = await mulligan(['run', '--', 'git', 'ls-remote', 'https://api.test/repo'], env)
    t.match(stdout, /^1{40}\trefs\/heads\/main$/m)
    t.equal(code, 0)
    t.match(upstream.seen[1]?.head, /User-Agent: git/i)
  }
})

test('the logs of the last runs stay, older ones make room', async t => {
  const { env, folder } = await runScene(t)
  const logs = join(folder, '.local/state/mulligan/logs')
  await mulligan(['run', '--', 'true'], env)
  for (let i = 1; i <= 30; i++) writeFileSync(join(logs, `run-${i}.log`), '{}\n')
  writeFileSync(join(logs, 'other.log'), '')
  await mulligan(['run', '--', 'curl', '-s', 'https://api.test/'], env)
  const left = readdirSync(logs)
  t.equal(left.filter(name => name.startsWith('run-')).length, 20)
  t.ok(existsSync(join(logs, 'other.log')))
})
