import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { portOf, startProcess } from '../support/daemon-process.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'

/** A service manager's ear, which Node cannot make: it prints each datagram as a line of JSON. */
const LISTENER = `
import json, socket, sys
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind(sys.argv[1])
print(json.dumps("listening"), flush=True)
while True:
    print(json.dumps(ear.recv(4096).decode()), flush=True)
`

const ROUTES = 'routes: [{ name: all, match: { host: "*" } }]\n'

/** Says it on the test's output when something is not here, so that nobody takes a skipped test for a passed one. */
const missing = ['python3', 'systemd-notify'].filter(name => spawnSync(name, ['--version']).error !== undefined)
const needs = missing.length > 0 ? { skip: `not on this machine: ${missing.join(', ')}` } : {}

type Ear = { readonly socket: string; readonly heard: () => Promise<readonly string[]> }

/** A socket of sd_notify(3). `heard` gives the next datagram that is more than a barrier, as lines. */
async function listen(t: Test): Promise<Ear> {
  const socket = join(shortDir(t), 'notify')
  const listener: ChildProcess = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => listener.kill('SIGKILL'))
  if (listener.stdout === null) throw new Error('no output')
  const lines = createInterface(listener.stdout)[Symbol.asyncIterator]()
  const next = async () => JSON.parse(String((await lines.next()).value)) as string
  await next()
  return {
    socket,
    heard: async () => {
      let text = await next()
      while (text === 'BARRIER=1') text = await next()
      return text.trim().split('\n')
    },
  }
}

test('a supervisor with a notify socket is told of start, reload, refused reload and drain', needs, async t => {
  const ear = await listen(t)
  const file = join(shortDir(t), 'mulligan.yaml')
  writeFileSync(file, ROUTES)
  const daemon = startProcess(t, ['-c', file, '--listen', '127.0.0.1:0', '--ready-fd', '3'], {
    NOTIFY_SOCKET: ear.socket,
  })
  const ready = [`MAINPID=${daemon.child.pid}`, 'READY=1']
  t.strictSame(await ear.heard(), ready, 'ready')
  t.match(await daemon.said('ready'), { config: file }, 'and not before it says so in its log')
  await until(() => daemon.readyFd() !== '')
  t.equal(daemon.readyFd(), 'READY=1\n', '--ready-fd works beside it')

  for (const [yaml, said] of [
    [ROUTES, 'reloaded'],
    ['routes: 3\n', 'reload refused, the old configuration stays'],
  ] as const) {
    writeFileSync(file, yaml)
    const before = process.hrtime.bigint() / 1_000n
    daemon.kill('SIGHUP')
    const [reloading, when = ''] = await ear.heard()
    t.equal(reloading, 'RELOADING=1')
    const at = BigInt(when.replace('MONOTONIC_USEC=', ''))
    t.ok(at >= before && at <= process.hrtime.bigint() / 1_000n, 'with the time on the clock that systemd reads')
    t.strictSame(await ear.heard(), ready, `it serves: ${said}`)
    await daemon.said(said)
  }
  daemon.kill('SIGTERM')
  t.strictSame(await ear.heard(), ['STOPPING=1'])
  t.equal(await daemon.exit, 0)
  t.equal(daemon.stderr(), '')
})

test('STOPPING=1 is said when the drain begins, not when it is over', needs, async t => {
  const ear = await listen(t)
  let reach: () => void = () => undefined
  const reached = new Promise<void>(resolve => (reach = resolve))
  const upstream = await startUpstream(() => void reach())
  t.teardown(() => upstream.close())
  const daemon = startProcess(t, ['--listen', '127.0.0.1:0'], { NOTIFY_SOCKET: ear.socket })
  await ear.heard()
  const running = connect(portOf(await daemon.said('ready')), '127.0.0.1')
  running.on('error', () => undefined)
  running.write(`GET ${upstream.url}/held HTTP/1.1\r\nHost: x\r\n\r\n`)
  await reached
  daemon.kill('SIGTERM')
  t.strictSame(await ear.heard(), ['STOPPING=1'])
  t.equal(daemon.child.exitCode, null, 'it still drains')
  daemon.kill('SIGTERM')
  t.equal(await daemon.exit, 1, 'the second one cuts')
})

test('STOPPING=1 is said also when READY=1 is not heard before the drain is over', async t => {
  const folder = shortDir(t)
  const [gate, heard] = [join(folder, 'gate'), join(folder, 'heard')]
  spawnSync('mkfifo', [gate])
  // It tells of READY=1 when the gate is written to, and of all else at once.
  const program = `#!/bin/sh\ncase "$*" in *READY=1) read -r _ < ${gate} ;; esac\necho "$*" >> ${heard}\n`
  writeFileSync(join(folder, 'systemd-notify'), program, { mode: 0o700 })
  const PATH = folder + delimiter + (process.env['PATH'] ?? '')
  const daemon = startProcess(t, ['--listen', '127.0.0.1:0'], { NOTIFY_SOCKET: join(folder, 'nobody'), PATH })
  await daemon.said('ready')
  daemon.kill('SIGTERM')
  await daemon.said('stopped')
  writeFileSync(gate, 'open\n')
  t.equal(await daemon.exit, 0)
  await until(() => existsSync(heard) && readFileSync(heard, 'utf8').includes('STOPPING'))
  t.equal(readFileSync(heard, 'utf8'), `MAINPID=${daemon.child.pid} READY=1\nSTOPPING=1\n`)
})

test('what the daemon runs cannot speak for it', async t => {
  const folder = shortDir(t)
  const out = join(folder, 'seen')
  const upstream = await startUpstream(() => answer(200, 'ok'))
  t.teardown(() => upstream.close())
  const file = join(folder, 'mulligan.yaml')
  const program = `require('fs').writeFileSync(${JSON.stringify(out)}, String(process.env.NOTIFY_SOCKET)); console.log('token')`
  writeFileSync(
    file,
    `credentials: { c: { source: { exec: { command: ${JSON.stringify([process.execPath, '-e', program])} } }, allow_cleartext: true } }
routes: [{ name: all, match: { host: 127.0.0.1 }, credential: c }]
`,
  )
  const daemon = startProcess(t, ['-c', file, '--listen', '127.0.0.1:0'], { NOTIFY_SOCKET: join(folder, 'nobody') })
  const port = portOf(await daemon.said('ready'))
  t.equal((await request(port, `${upstream.url}/`)).status, 200)
  t.equal(spawnSync('cat', [out]).stdout.toString(), 'undefined')
})

test('without systemd-notify the daemon says once that nobody is told, and serves', async t => {
  const nothing = shortDir(t)
  const daemon = startProcess(t, ['--listen', '127.0.0.1:0'], { NOTIFY_SOCKET: '/nowhere', PATH: nothing + delimiter })
  const port = portOf(await daemon.said('ready'))
  t.match(await daemon.said('NOTIFY_SOCKET is set, but cannot be told'), {
    program: 'systemd-notify',
    failure: 'ENOENT',
  })
  const upstream = await startUpstream(() => answer(200, 'ok'))
  t.teardown(() => upstream.close())
  t.equal((await request(port, `${upstream.url}/`)).status, 200)
  daemon.kill('SIGTERM')
  t.equal(await daemon.exit, 0)
  t.equal(daemon.lines.filter(({ msg }) => /NOTIFY/.test(String(msg))).length, 1)
})
