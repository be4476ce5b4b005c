import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { packageRoot, packageVersion } from '../../src/config/package-root.js'
import { send } from '../support/admin.js'
import { readAnswer, request } from '../support/client.js'
import { type DaemonProcess, portOf, startProcess } from '../support/daemon-process.js'
import { openSecure, UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { shortDir } from '../support/short-dir.js'
import {
  answer,
  type Script,
  type Seen,
  startUpstream,
  type TestUpstream,
  type UpstreamOptions,
} from '../support/upstream.js'

const pathOf = (name: string): string => fileURLToPath(new URL(name, packageRoot()))

/** Every file below, with its whole path. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())

async function upstreamFor(t: Test, script: Script, options?: UpstreamOptions): Promise<TestUpstream> {
  const upstream = await startUpstream(script, options)
  t.teardown(() => upstream.close())
  return upstream
}

/** Starts a daemon, and tells on SIGUSR2 which packs it has loaded, and which modules of Node's since it began. */
const TELLS = `const before = new Set(process.moduleLoadList)
const { pack, scripts } = require(process.argv[1])
process.on('SIGUSR2', () => {
  const how = [...scripts].map(([name, script]) => [name, script.cachedDataRejected === false ? 'as kept' : 'compiled'])
  console.log('of node ' + process.moduleLoadList.filter(name => !before.has(name)).join())
  console.log('loaded ' + JSON.stringify(Object.fromEntries(how)))
})
const flags = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--state', process.argv[2], '--log-format', 'json']
void pack('cli').cli().main(['start', ...flags])
`

// Made away from the project, so that nothing of the project's can be found by chance.
test('the bundle does what the package does', async t => {
  const folder = join(shortDir(t), 'app')
  const made = spawnSync(process.execPath, [pathOf('tools/bundle.js'), folder])
  t.equal(String(made.stderr), '', 'made without a warning')
  if (made.status !== 0) return
  const bin = join(folder, 'bin/mulligan.js')
  const home = shortDir(t)
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home }
  const run = (...args: string[]) => promisify(execFile)(process.execPath, [bin, ...args], { env, cwd: home })

  await t.test('every program that the package starts by its place is in it', async t => {
    const sources = pathOf('src/')
    const programs = filesOf(sources).flatMap(path => {
      const places = readFileSync(path, 'utf8').matchAll(/new URL\('([^']+\.c?js)', import\.meta\.url\)/g)
      return [...places].map(([, place = '']) => join(dirname(path), place).slice(sources.length))
    })
    t.ok(programs.length >= 4, 'they were found')
    for (const path of new Set(programs)) t.ok(statSync(join(folder, 'dist', path)).isFile(), path)
  })

  await t.test('a start loads what it needs, compiled already, and the rest when it is needed', async t => {
    const size = (name: string) => statSync(join(folder, 'dist', name)).size
    t.ok(size('cli.pack') < 32 * 1024, 'before the first command')
    t.ok(size('daemon.pack') < 512 * 1024, 'for a start')
    const packs = join(folder, 'dist/packs.cjs')
    const daemon = spawn(process.execPath, ['-e', TELLS, packs, home], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => daemon.kill('SIGKILL'))
    let output = ''
    daemon.stdout.on('data', data => (output += String(data)))
    const said = async (what: RegExp) => {
      while (!what.test(output)) await once(daemon.stdout, 'data')
      return what.exec(output)?.[1] ?? ''
    }
    const admin = await said(/"admin":"http:\/\/127\.0\.0\.1:(\d+)"/)
    daemon.kill('SIGUSR2')
    t.strictSame(JSON.parse(await said(/^loaded (.*)$/m)), { cli: 'as kept', daemon: 'as kept' })
    const ofNode = (await said(/^of node (.*)$/m)).split(',')
    t.ok(ofNode.includes('NativeModule http'))
    for (const name of ['assert', 'fs/promises', 'tls', 'v8', 'worker_threads', 'zlib'])
      t.notOk(ofNode.includes(`NativeModule ${name}`), `${name} is not needed yet`)
    t.equal((await send(Number(admin), '/healthz')).status, 200)
    daemon.kill('SIGUSR2')
    t.match(await said(/^loaded (.*admin.*)$/m), '"admin":"as kept"')
    t.notMatch(output, /^loaded .*config/m, 'neither zod nor yaml')
  })

  await t.test('it tells the licences of what is in it, and has one native part', async t => {
    const licences = readFileSync(join(folder, 'LICENSES-OF-OTHERS'), 'utf8')
    for (const name of ['fastify', 'pino', 'zod', 'yaml', 'lmdb', 'undici', 'ioredis', 'jose', 'preact'])
      t.match(licences, new RegExp(`^${name} \\d.*\\(.+\\)$`, 'm'), name)
    t.match(licences, 'OpenLDAP Public License', 'of what the native part is made of')
    t.equal(filesOf(folder).filter(path => path.endsWith('.node')).length, 1)
  })

  await t.test('it knows its version, its presets and its schema', async t => {
    t.match((await run('--version')).stdout, packageVersion())
    await run('init', '--preset', 'openai,stripe')
    t.match((await run('check')).stdout, /stripe/)
  })

  await t.test('it repeats, intercepts, shows its page, and knows a key again after its death', t => serves(t, bin))

  await t.test('`run` finds its preload, and a terminal its colours', async t => {
    const upstream = await upstreamFor(t, () => answer(200, 'fetched'))
    const file = join(home, 'run.yaml')
    writeFileSync(file, `routes: [{ name: api, match: { host: api.test }, upstream: "${upstream.url}" }]\n`)
    const program = 'fetch("http://api.test/").then(async r => console.log(await r.text()))'
    t.equal((await run('run', '-c', file, '--', process.execPath, '-e', program)).stdout, 'fetched\n')
    const flags = ['--listen', '127.0.0.1:0', '--admin', 'off', '--state', home, '--log-format', 'pretty']
    const daemon = spawn(process.execPath, [bin, 'start', ...flags], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => daemon.kill('SIGKILL'))
    let log = ''
    daemon.stdout.on('data', data => (log += String(data)))
    while (!log.includes('ready')) await once(daemon.stdout, 'data')
    t.match(log, /INFO.*ready/, 'not JSON')
    daemon.kill('SIGTERM')
    t.strictSame(await once(daemon, 'exit'), [0, null])
  })
})

/** Plain, in a tunnel that it looks into, and with a store on disk. */
async function serves(t: Test, bin: string): Promise<void> {
  const flaky = ({ path }: Seen) => {
    const count = (counts.get(path) ?? 0) + 1
    counts.set(path, count)
    return count < 3 ? answer(503) : answer(200, 'third')
  }
  const counts = new Map<string, number>()
  const secure = await upstreamFor(t, flaky, { tls: UPSTREAM_CERTIFICATE })
  const plain = await upstreamFor(t, seen => (seen.method === 'POST' ? answer(201, 'ordered') : flaky(seen)))
  const state = shortDir(t)
  const file = join(state, 'mulligan.yaml')
  const roots = join(state, 'roots.pem')
  writeFileSync(roots, UPSTREAM_CERTIFICATE.cert)
  writeFileSync(
    file,
    `egress: { ca_file: ${roots} }
routes:
  - name: api
    match: { host: api.test }
    upstream: https://localhost:${secure.port}
    retry: { backoff: { base: 10ms, cap: 20ms } }
  - name: orders
    match: { host: "*" }
    retry: { backoff: { base: 10ms, cap: 20ms } }
    idempotency: { header: Idempotency-Key, replay: { ttl: 1h } }
`,
  )
  const start = (): DaemonProcess => {
    const flags = ['-c', file, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--state', join(state, 'state')]
    return startProcess(t, flags, {}, process.execPath, bin)
  }
  const order = (port: number) =>
    request(port, `${plain.url}/orders`, { method: 'POST', fields: ['Idempotency-Key: one'], body: '{}' })

  const first = start()
  const ready = await first.said('ready')
  t.equal((await request(portOf(ready), `${plain.url}/flaky`)).text, 'third')
  const ca = readFileSync(join(state, 'state/ca.pem'), 'utf8')
  const socket = await openSecure(portOf(ready), 'api.test:443', { ca })
  const intercepted = readAnswer(socket)
  socket.write('GET /flaky HTTP/1.1\r\nHost: api.test\r\n\r\n')
  t.equal((await intercepted).text, 'third', 'with a certificate that it made')
  socket.destroy()
  t.equal((await request(portOf(ready, 'admin'), '/readyz')).status, 200)
  t.match((await request(portOf(ready, 'admin'), '/')).text, /<!doctype html>/i)
  t.equal((await order(portOf(ready))).status, 201)
  t.equal((await order(portOf(ready))).header('idempotent-replayed'), 'true', 'it is stored')
  // No orderly end: the next one looks through the whole file, in a process of its own.
  first.kill('SIGKILL')
  await first.exit
  t.equal(first.stderr(), '')

  writeFileSync(file, `workers: 2\n${readFileSync(file, 'utf8')}`)
  const second = start()
  const replayed = await order(portOf(await second.said('ready')))
  t.equal(replayed.header('idempotent-replayed'), 'true', replayed.text)
  t.equal(replayed.text, 'ordered')
  t.equal(plain.seen.filter(({ method }) => method === 'POST').length, 1, 'the upstream saw one order')
  second.kill('SIGTERM')
  t.equal(await second.exit, 0)
}
