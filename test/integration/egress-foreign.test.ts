import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { readAnswer, request } from '../support/client.js'
import { certificate, daemonFor, rootsFile, serve, through } from '../support/next-hop.js'
import { shortDir } from '../support/short-dir.js'
import { freePort, openTunnel } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

/** Proxies of other people, with the login u:pw where they can ask for one without a helper program. */
const FOREIGN = [
  {
    name: 'tinyproxy',
    login: 'u:pw@',
    path: ['/usr/bin/tinyproxy', '/usr/sbin/tinyproxy'],
    args: (file: string) => ['-d', '-c', file],
    config: (port: number) =>
      `Port ${port}\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth u pw\nTimeout 60\nLogLevel Critical\n`,
  },
  {
    name: 'squid',
    login: '',
    path: ['/usr/sbin/squid'],
    args: (file: string) => ['-N', '-f', file],
    config: (port: number) =>
      [
        `http_port 127.0.0.1:${port}`,
        'http_access allow all',
        'cache deny all',
        'access_log none',
        'cache_log /dev/null',
        'cache_store_log none',
        'netdb_filename none',
        'pid_filename none',
        'shutdown_lifetime 0 seconds',
        'visible_hostname squid.test',
        '',
      ].join('\n'),
  },
]

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** Resolves when something listens there, or the program ended. */
async function listening(port: number, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const socket = connect(port, '127.0.0.1')
    const reached = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (reached) return true
  }
  return false
}

async function start(t: Test, { path, args, config }: (typeof FOREIGN)[number]): Promise<number | undefined> {
  const program = path.find(existsSync)
  if (program === undefined) return undefined
  const folder = shortDir(t)
  const file = join(folder, 'proxy.conf')
  const port = await freePort()
  writeFileSync(file, config(port))
  const child = spawn(program, args(file), { stdio: 'ignore', cwd: folder })
  t.teardown(() => stop(child))
  if (!(await listening(port, child))) throw new Error(`${program} ended with ${child.exitCode ?? child.signalCode}`)
  return port
}

for (const foreign of FOREIGN) {
  const { name, login, path } = foreign
  const skip = path.some(existsSync) ? {} : { skip: `${name} is not installed` }
  test(`FP-29: ${name} as the next hop carries http, https, uploads, tunnels and upgrades`, skip, async t => {
    const port = await start(t, foreign)
    const origin = await serve(t, ({ header, method, body }, socket) => {
      if (header('upgrade') === undefined) return answer(200, `${method} ${body.length}`)
      socket.removeAllListeners('data')
      return 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
    })
    const secure = await serve(t, ({ method, body }) => answer(200, `${method} ${body.length}`), { tls: certificate })
    const daemon = await daemonFor(
      t,
      through(`proxy: "http://${login}127.0.0.1:${port}", ca_file: ${rootsFile(t)}`, secure.port),
    )
    const body = Buffer.alloc(300_000, 'x')
    for (const url of [`${origin.url}/`, 'http://secure.test/']) {
      for (let i = 0; i < 2; i++) t.equal((await request(daemon.port, url)).text, 'GET 0', url)
      t.equal((await request(daemon.port, url, { method: 'PUT', body })).text, 'PUT 300000', url)
    }
    t.equal(secure.connections(), 1, 'one tunnel, kept')
    t.equal(origin.seen[0]?.header('proxy-authorization'), undefined)
    const fields = ['Connection: Upgrade', 'Upgrade: echo']
    t.equal((await request(daemon.port, `${origin.url}/ws`, { fields })).status, 101)
    const { socket, status } = await openTunnel(daemon.port, origin.authority)
    t.equal(status, 200)
    socket.write(`GET /t HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`)
    t.equal((await readAnswer(socket)).text, 'GET 0')
    socket.destroy()
    const dead = await freePort()
    const { status: refused, socket: other } = await openTunnel(daemon.port, `127.0.0.1:${dead}`)
    t.equal(refused, 502, 'where nobody listens')
    other.destroy()
  })
}

const [tinyproxy] = FOREIGN
const absent = tinyproxy?.path.some(existsSync) ? {} : { skip: 'tinyproxy is not installed' }

test(
  'FP-29: without the login that tinyproxy wants there is a 502, and a wrong one opens no tunnel',
  absent,
  async t => {
    const port = tinyproxy && (await start(t, tinyproxy))
    for (const [login, url, status] of [
      ['', 'http://a.test/', 407],
      ['', 'http://secure.test/', 407],
      ['u:wrong@', 'http://secure.test/', 401],
    ] as const) {
      const daemon = await daemonFor(t, through(`proxy: "http://${login}127.0.0.1:${port}"`))
      const refused = await request(daemon.port, url)
      t.equal(refused.status, 502, url)
      t.match(refused.text, new RegExp(`"detail":"egress proxy: answered ${status}"`), url)
    }
  },
)
