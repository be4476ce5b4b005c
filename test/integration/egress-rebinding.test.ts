import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { rawExchange, readAnswer, request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { interceptedScene } from '../support/intercepted.js'
import { scriptNames } from '../support/names.js'
import { openTunnel, startRawServer } from '../support/tunnel.js'
import { answer, startUpstream } from '../support/upstream.js'

/** A permitted address and one that is not; nobody listens on the second. */
const GOOD = '127.0.0.1'
const BAD = '169.254.169.254'
const routes = 'routes: [{ name: all, match: { host: "*" }, breaker: off, retry: off, timeout: { connect: 5s } }]'
const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket']

async function rig(t: Test, yaml: (port: number) => string = () => routes) {
  const names = scriptNames(t)
  const upstream = await startUpstream(() => answer(200, 'in', 'Connection: close'))
  const daemon = await startTestDaemon(yaml(upstream.port))
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  return { names, upstream, daemon, port: upstream.port }
}

test('T7: a name is looked up once for each dial, and what was checked is what is dialled', async t => {
  const { names, upstream, daemon, port } = await rig(t)
  names.answer('turn.test', [GOOD], [BAD], [GOOD])
  t.equal((await request(daemon.port, `http://turn.test:${port}/`)).text, 'in')
  t.equal(names.asked('turn.test'), 1, 'a second look could have given another address')
  const denied = await request(daemon.port, `http://turn.test:${port}/`)
  t.match(denied.text, /"code":"destination_denied".*"outcome":"not-sent"/)
  t.equal(names.asked('turn.test'), 2)
  t.equal((await request(daemon.port, `http://turn.test:${port}/`)).text, 'in')
  t.equal(upstream.seen.length, 2)
})

test('T7: a name that turns between check and dial leads to the address of the check', async t => {
  const { names, upstream, daemon, port } = await rig(t, () => `egress: { deny: [127.0.0.2/32] }\n${routes}`)
  const other = await startRawServer(t, () => t.fail('dialled'), 0)
  t.not(other.port, port)
  for (let i = 0; i < 20; i++) {
    names.answer('turn.test', [GOOD], ['127.0.0.2'])
    t.equal((await request(daemon.port, `http://turn.test:${port}/`)).text, 'in')
    t.equal(names.asked('turn.test'), 1)
  }
  t.equal(upstream.seen.length, 20)
})

test('T7: of several addresses the denied ones are never dialled, wherever they stand', async t => {
  const { names, upstream, daemon, port } = await rig(t)
  const lists = [
    [BAD, GOOD],
    [GOOD, BAD],
    ['fe80::1', BAD, GOOD, '64:ff9b::a9fe:a9fe'],
  ]
  for (const list of lists) {
    names.answer('many.test', list)
    t.equal((await request(daemon.port, `http://many.test:${port}/`)).text, 'in', list.join(' '))
  }
  t.equal(upstream.seen.length, lists.length)
  names.answer('many.test', [BAD, 'fe80::1', 'fd00:ec2::254'])
  t.equal((await request(daemon.port, `http://many.test:${port}/`)).status, 403, 'all of them')
  names.answer('many.test', [])
  const none = await request(daemon.port, `http://many.test:${port}/`)
  t.match(none.header('proxy-status'), /error=dns_error/, 'no address at all')
})

test('T7: of several addresses of which one refuses, the denied one is not tried instead', async t => {
  const { names, daemon } = await rig(t, () => `egress: { deny: [127.0.0.1/32] }\n${routes}`)
  const server = await startRawServer(t, () => t.fail('dialled'))
  names.answer('many.test', ['127.0.0.3', '127.0.0.1'])
  const refused = await request(daemon.port, `http://many.test:${server.port}/`)
  t.equal(refused.status, 502)
  t.match(refused.header('proxy-status'), /error=connection_refused/)
})

test('T7: every way to an upstream passes the check: absolute-form, CONNECT, HTTP in a tunnel, upgrade, mount', async t => {
  const { names, upstream, daemon, port } = await rig(
    t,
    port => `
routes:
  - { name: mounted, match: { host: mounted.test }, mount: /m, upstream: "http://mounted.test:${port}", breaker: off, retry: off }
  - { name: all, match: { host: "*" }, breaker: off, retry: off }`,
  )
  const ways: [string, (host: string) => Promise<number>][] = [
    ['absolute-form', async host => (await request(daemon.port, `http://${host}/`)).status],
    ['POST', async host => (await request(daemon.port, `http://${host}/`, { method: 'POST', body: 'x' })).status],
    ['upgrade', async host => (await request(daemon.port, `http://${host}/`, { fields: UPGRADE })).status],
    ['CONNECT', host => connectStatus(daemon.port, host)],
    ['HTTP in a tunnel', host => tunnelledStatus(daemon.port, host)],
  ]
  for (const [way, ask] of ways) {
    names.answer('way.test', [GOOD])
    t.equal(await ask(`way.test:${port}`), 200, `${way} to a good address`)
    names.answer('way.test', [BAD])
    t.equal(await ask(`way.test:${port}`), 403, way)
  }
  const mount = (...fields: string[]) =>
    rawExchange(
      daemon.port,
      ['GET /m/x HTTP/1.1', 'Host: localhost', ...(fields.length ? fields : ['Connection: close']), '', ''].join(
        '\r\n',
      ),
    )
  names.answer('mounted.test', [GOOD])
  t.match(await mount(), /^HTTP\/1\.1 200 /)
  const before = upstream.seen.length
  names.answer('mounted.test', [BAD])
  t.match(await mount(), /^HTTP\/1\.1 403 [\s\S]*destination_denied/)
  const socket = connect(daemon.port, '127.0.0.1')
  const answered = readAnswer(socket)
  socket.write(['GET /m/x HTTP/1.1', 'Host: localhost', ...UPGRADE, '', ''].join('\r\n'))
  t.equal((await answered).status, 403, 'upgrade at a mount')
  socket.destroy()
  t.equal(upstream.seen.length, before)
})

async function connectStatus(proxy: number, authority: string): Promise<number> {
  const { status, socket } = await openTunnel(proxy, authority)
  socket.destroy()
  return status
}

async function tunnelledStatus(proxy: number, authority: string): Promise<number> {
  const { status, socket } = await openTunnel(proxy, authority)
  if (status !== 200) {
    socket.destroy()
    return status
  }
  const answered = readAnswer(socket)
  socket.write(`GET / HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  const result = await answered
  socket.destroy()
  return result.status
}

test('T7: an intercepted request is checked as well, before TLS with the upstream', async t => {
  const names = scriptNames(t)
  const api = (port: number) =>
    `  - { name: api, match: { host: way.test, port: ${port} }, breaker: off, retry: off, tls: intercept }\n`
  names.answer('way.test', [BAD])
  const scene = await interceptedScene(t, () => answer(200, 'in'), api)
  const socket = await scene.open(`way.test:${scene.upstream.port}`)
  const answered = readAnswer(socket)
  socket.write(`GET / HTTP/1.1\r\nHost: way.test:${scene.upstream.port}\r\n\r\n`)
  const denied = await answered
  t.equal(denied.status, 403)
  t.match(denied.text, /"code":"destination_denied"/)
  t.equal(scene.upstream.connections(), 0)
  socket.destroy()
})

test('T7, F7: what egress.deny names after a reload gets nothing over a connection from before', async t => {
  const names = scriptNames(t)
  const upstream = await startUpstream(() => answer(200, 'in'))
  const daemon = await startTestDaemon(routes)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  names.answer('kept.test', [GOOD])
  const url = `http://kept.test:${upstream.port}/`
  t.equal((await request(daemon.port, url)).text, 'in')
  t.equal((await request(daemon.port, url)).text, 'in')
  t.equal(upstream.connections(), 1, 'the connection was kept')
  await daemon.reload(`egress: { deny: [127.0.0.0/8] }\n${routes}`)
  t.equal((await request(daemon.port, url)).status, 403)
  t.equal(upstream.seen.length, 2)
})
