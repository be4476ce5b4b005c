import { existsSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { rawExchange, readAnswer, request, requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import { portOf, startProcess } from '../support/daemon-process.js'
import { shortDir } from '../support/short-dir.js'
import { startRawServer } from '../support/tunnel.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

const LISTEN = ['--listen', '127.0.0.1:0']

async function upstreamFor(t: Test, script: Script) {
  const upstream = await startUpstream(script)
  t.teardown(() => upstream.close())
  return upstream
}

/** An upstream that holds its first answer back until told to give it. */
async function slowUpstream(t: Test) {
  let reached: (socket: Socket) => void = () => undefined
  const waiting = new Promise<Socket>(resolve => (reached = resolve))
  const upstream = await upstreamFor(t, (seen, socket) => {
    if (seen.number > 1) return answer(200, 'quick')
    reached(socket)
    return undefined
  })
  return { upstream, waiting }
}

test('start says where it really listens, on stdout and to a supervisor', async t => {
  const daemon = startProcess(t, ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--ready-fd', '3'])
  const ready = await daemon.said('ready')
  t.match(ready, { proxy: /^http:\/\/127\.0\.0\.1:\d+$/, admin: /^http:\/\/127\.0\.0\.1:\d+$/, pid: daemon.child.pid })
  t.match(ready, { config: 'built-in default', routes: 1 })
  t.match(
    await rawExchange(portOf(ready), 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 404 /,
  )
  t.equal((await request(portOf(ready, 'admin'), '/healthz')).status, 200)
  daemon.kill('SIGTERM')
  t.equal(await daemon.exit, 0)
  t.equal(daemon.readyFd(), 'READY=1\n')
  t.equal(daemon.stderr(), '')
})

test('a port that is taken is exit 3, and says who to look for', async t => {
  const server = await startRawServer(t)
  const daemon = startProcess(t, ['--listen', server.authority])
  t.equal(await daemon.exit, 3)
  t.match(
    daemon.stderr(),
    new RegExp(`${server.authority} is taken: another mulligan\\? .*ss -ltnp 'sport = :${server.port}'`),
  )
  t.same(daemon.lines, [])
})

test('a bad configuration is exit 2 with every position, and nothing is started', async t => {
  const file = join(shortDir(t), 'bad.yaml')
  writeFileSync(
    file,
    'listen: { proxy: "127.0.0.1:0" }\nroutes:\n  - name: a\n    mtach: { host: "*" }\n    retry: { attempts: 0 }\n',
  )
  const daemon = startProcess(t, ['-c', file])
  t.equal(await daemon.exit, 2)
  t.match(daemon.stderr(), /bad\.yaml:4:5: routes\.0\.mtach: .*did you mean "?match"?/)
  t.match(daemon.stderr(), /bad\.yaml:5:\d+: routes\.0\.retry\.attempts: /)
  t.same(daemon.lines, [])
  const missing = startProcess(t, ['-c', join(file, 'nowhere.yaml')])
  t.equal(await missing.exit, 2)
})

test('F7: SIGTERM lets what runs finish, takes nothing new, and exits 0', async t => {
  const { upstream, waiting } = await slowUpstream(t)
  const daemon = startProcess(t, LISTEN)
  const port = portOf(await daemon.said('ready'))
  const running = request(port, `${upstream.url}/slow`)
  const held = await waiting
  // The signal may come before it was taken from those who wait, and then it is reset.
  const idle = connect(port, '127.0.0.1').on('error', () => undefined)
  await new Promise(resolve => idle.once('connect', resolve))
  const idleGone = new Promise(resolve => idle.once('close', resolve))
  daemon.kill('SIGTERM')
  await daemon.said('draining')
  const refused = await new Promise(resolve => {
    const again = () => {
      const late = connect(port, '127.0.0.1', () => late.destroy())
      let code: string | undefined
      // One that waited to be taken when it stopped to listen is reset.
      late
        .on('error', error => (code = (error as NodeJS.ErrnoException).code))
        .on('close', () => (code === undefined || code === 'ECONNRESET' ? again() : resolve(code)))
    }
    again()
  })
  t.equal(refused, 'ECONNREFUSED')
  held.write(answer(200, 'complete'))
  const answered = await running
  t.equal(answered.text, 'complete')
  t.equal(answered.header('connection'), 'close')
  await idleGone
  t.match(await daemon.said('stopped'), { clean: true })
  t.equal(await daemon.exit, 0)
  t.equal(daemon.lines.filter(line => line['msg'] === 'exchange').length, 1, 'its record was written')
})

test('F7: what still runs after shutdown.drain is cut', async t => {
  const { upstream, waiting } = await slowUpstream(t)
  const file = join(shortDir(t), 'mulligan.yaml')
  writeFileSync(file, 'shutdown: { drain: 100ms }\nroutes: [{ name: a, match: { host: "*" } }]\n')
  const daemon = startProcess(t, ['-c', file, ...LISTEN])
  const running = request(portOf(await daemon.said('ready')), `${upstream.url}/slow`)
  await waiting
  daemon.kill('SIGTERM')
  t.ok((await running).broken)
  t.match(await daemon.said('stopped'), { clean: false })
  t.equal(await daemon.exit, 0)
})

test('F7: a second SIGTERM does not wait', async t => {
  const { upstream, waiting } = await slowUpstream(t)
  const daemon = startProcess(t, LISTEN)
  const running = request(portOf(await daemon.said('ready')), `${upstream.url}/slow`)
  await waiting
  daemon.kill('SIGTERM')
  await daemon.said('draining')
  daemon.kill('SIGTERM')
  t.equal(await daemon.exit, 1)
  t.ok((await running).broken)
})

test('F7: SIGHUP takes a good configuration at once and refuses a bad one; what runs keeps the one it began with', async t => {
  const file = join(shortDir(t), 'mulligan.yaml')
  const write = (retry: string) =>
    writeFileSync(file, `routes: [{ name: a, match: { host: "*" }, retry: ${retry}, cooldown: off }]\n`)
  let reached: (socket: Socket) => void = () => undefined
  const waiting = new Promise<Socket>(resolve => (reached = resolve))
  const upstream = await upstreamFor(t, (seen, socket) => {
    if (seen.path === '/slow' && seen.number === 1) reached(socket)
    else return seen.path === '/slow' ? answer(200, 'the second time') : answer(503)
    return undefined
  })
  write('{ attempts: 2, backoff: { base: 10ms, cap: 10ms } }')
  const daemon = startProcess(t, ['-c', file, ...LISTEN])
  const port = portOf(await daemon.said('ready'))
  const running = request(port, `${upstream.url}/slow`)
  const held = await waiting
  write('off')
  daemon.kill('SIGHUP')
  await daemon.said('reloaded')
  t.equal((await request(port, `${upstream.url}/new`)).status, 503)
  t.equal(upstream.seen.filter(seen => seen.path === '/new').length, 1, 'the new configuration repeats nothing')
  held.write(answer(503))
  t.equal((await running).text, 'the second time', 'the old one did')
  writeFileSync(file, 'routes: [{ name: a, match: { host: "*" }, retry: { attemps: 2 } }]\n')
  daemon.kill('SIGHUP')
  const refused = await daemon.said('reload refused, the old configuration stays')
  t.match(refused['report'], /mulligan\.yaml:1:\d+: routes\.0\.retry\.attemps: .*did you mean "?attempts"?/)
  t.equal((await request(port, `${upstream.url}/new`)).status, 503)
  t.equal(upstream.seen.filter(seen => seen.path === '/new').length, 2, 'the old configuration stays')
  daemon.kill('SIGTERM')
  t.equal(await daemon.exit, 0)
})

test('F7: of two reloads at once, the configuration that was read last is in force', async t => {
  const upstream = await upstreamFor(t, () => answer(200, 'through'))
  const folder = shortDir(t)
  const [file, started, go] = ['mulligan.yaml', 'started', 'go'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  // Its password is long in coming.
  const program = `fs.writeFileSync(${JSON.stringify(started)}, ''); setInterval(() => fs.existsSync(${JSON.stringify(go)}) && (console.log('secret'), process.exit()), 20)`
  const slow = `listen: { auth: { username: ann, password: { exec: [node, -e, ${JSON.stringify(program)}] } } }\n`
  const routes = 'routes: [{ name: all, match: { host: "*" } }]\n'
  writeFileSync(file, routes)
  const daemon = startProcess(t, ['-c', file, ...LISTEN])
  const port = portOf(await daemon.said('ready'))
  writeFileSync(file, slow + routes)
  daemon.kill('SIGHUP')
  await until(() => existsSync(started))
  writeFileSync(file, routes)
  daemon.kill('SIGHUP')
  writeFileSync(go, '')
  await daemon.said('reloaded')
  await daemon.said('reloaded')
  t.equal((await request(port, `${upstream.url}/`)).status, 200, 'it asks for no password')
})

test('a unix socket is for its owner only; one left over from a crash is taken over, one in use is not', async t => {
  const path = join(shortDir(t), 'proxy.sock')
  const upstream = await upstreamFor(t, () => answer(200, 'through'))
  const crashed = startProcess(t, ['--listen', `unix:${path}`])
  t.match(await crashed.said('ready'), { proxy: `unix:${path}` })
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(await overUnix(path, `${upstream.url}/`), 'through')
  const second = startProcess(t, ['--listen', `unix:${path}`])
  t.equal(await second.exit, 3)
  t.match(second.stderr(), /is taken: another mulligan answers on it/)
  crashed.kill('SIGKILL')
  t.equal(await crashed.exit, 'SIGKILL')
  t.ok(statSync(path).isSocket(), 'it left its socket behind')
  const next = startProcess(t, ['--listen', `unix:${path}`])
  await next.said('ready')
  t.equal(await overUnix(path, `${upstream.url}/`), 'through')
  next.kill('SIGTERM')
  t.equal(await next.exit, 0)
})

async function overUnix(path: string, url: string): Promise<string> {
  const socket = connect(path)
  const answered = readAnswer(socket)
  socket.write(requestBytes(url))
  const { text } = await answered
  socket.destroy()
  return text
}

test('T10: SIGUSR1 opens no inspector', async t => {
  const daemon = startProcess(t, LISTEN)
  const port = portOf(await daemon.said('ready'))
  daemon.kill('SIGUSR1')
  t.match(await rawExchange(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 404 /)
  daemon.kill('SIGTERM')
  t.equal(await daemon.exit, 0)
  t.notMatch(daemon.stderr(), /Debugger/)
})
