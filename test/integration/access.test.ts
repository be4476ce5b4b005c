import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'tap'
import { createDestinationGuard } from '../../src/upstream/destination.js'
import { rawExchange, readAnswer, request, requestBytes } from '../support/client.js'
import { ClientLane } from '../support/client-lane.js'
import { QUICK, startTestDaemon } from '../support/daemon.js'
import { scene } from '../support/scene.js'
import { openTunnel, startRawServer } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

const AUTH = `listen: { auth: { username: ann, password: "s:cret" } }\n${QUICK}`
const basic = (text: string) => `Proxy-Authorization: Basic ${Buffer.from(text).toString('base64')}`
const OWN = Object.values(networkInterfaces()).flatMap(list => list?.filter(entry => !entry.internal) ?? [])
const LAN = OWN.find(entry => entry.family === 'IPv4')?.address

test('FP-20: only who knows listen.auth gets through, and a 407 keeps the connection for the second try', async t => {
  const { upstream, daemon, url } = await scene(t, () => answer(200, 'in'), AUTH)
  const socket = connect(daemon.port, '127.0.0.1')
  const ask = (...fields: string[]) => {
    const answered = readAnswer(socket)
    socket.write(requestBytes(url, { fields }))
    return answered
  }
  const refused = await ask()
  t.equal(refused.status, 407)
  t.equal(refused.header('proxy-authenticate'), 'Basic realm="mulligan"')
  t.match(refused.text, /"code":"proxy_auth_required"/)
  const wrong = ['ann:', 'ann', ':s:cret', 'ann:s:crets', 'Ann:s:cret', 'ann:s:cret ', '', 'bob:s:cret']
  for (const text of wrong) t.equal((await ask(basic(text))).status, 407, text)
  t.equal(
    (await ask(`Authorization: Basic ${Buffer.from('ann:s:cret').toString('base64')}`)).status,
    407,
    'not the proxy',
  )
  t.equal((await ask(basic('ann:s:cret').replace('Basic', 'Bearer'))).status, 407, 'another scheme')
  t.equal((await ask(basic('ann:s:cret'))).text, 'in')
  t.equal((await ask(basic('ann:s:cret').replace('Basic', 'bASIC'))).text, 'in', 'the case of the scheme is free')
  t.equal(upstream.seen.length, 2)
  t.notMatch(upstream.seen[0]?.head, /proxy-authorization/i, 'the credential ends here')
  socket.destroy()
})

test('FP-20: a 407 of a request with a body reads the body, so that the next request is understood', async t => {
  const { upstream, daemon, url } = await scene(t, seen => answer(200, String(seen.body.length)), AUTH)
  const lane = new ClientLane(daemon.port)
  t.teardown(() => lane.close())
  const body = 'GET http://x/ HTTP/1.1\r\n\r\n'.repeat(1_000)
  t.equal((await lane.ask(url, { method: 'POST', body })).status, 407)
  t.equal((await lane.ask(url, { method: 'POST', body, fields: [basic('ann:s:cret')] })).text, String(body.length))
  t.equal(upstream.seen.length, 1)
})

test('FP-20: CONNECT needs the credential too, and nothing is dialled without it', async t => {
  const daemon = await startTestDaemon(AUTH)
  t.teardown(() => daemon.close())
  const server = await startRawServer(t, socket => socket.end())
  const refused = await openTunnel(daemon.port, server.authority, '\x16')
  t.match(refused.head, /^HTTP\/1\.1 407 [\s\S]*Proxy-Authenticate: Basic/)
  refused.socket.destroy()
  const { status, socket } = await openTunnel(daemon.port, server.authority, '', basic('ann:s:cret'))
  t.equal(status, 200)
  await server.accepted()
  socket.destroy()
})

test("FP-20: credentials inside a tunnel are the tunnel's own", async t => {
  const { upstream, daemon } = await scene(t, () => answer(200, 'in'), AUTH)
  const { socket } = await openTunnel(daemon.port, upstream.authority, '', basic('ann:s:cret'))
  const answered = readAnswer(socket)
  socket.write(`GET / HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`)
  t.equal((await answered).text, 'in')
  socket.destroy()
})

test('T4: listen.allow_from lets its networks in and nobody else', { skip: LAN ? false : 'no network' }, async t => {
  const config = (networks: string) => `listen: { allow_from: [${networks}] }\n${QUICK}`
  const open = await startTestDaemon(config(`${LAN}/32`), '0.0.0.0:0')
  const closed = await startTestDaemon(config('198.51.100.0/24'), '0.0.0.0:0')
  t.teardown(() => Promise.all([open.close(), closed.close()]))
  const text = 'GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  t.match(await rawExchange(open.port, text, LAN), /^HTTP\/1\.1 502 /)
  const denied = await rawExchange(closed.port, text, LAN)
  t.match(denied, /^HTTP\/1\.1 403 [\s\S]*"code":"client_denied"/)
  t.match(await rawExchange(closed.port, 'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: x\r\n\r\n', LAN), /^HTTP\/1\.1 403 /)
  t.match(await rawExchange(closed.port, text), /^HTTP\/1\.1 502 /, 'this machine itself is always let in')
})

test('T7: egress.deny holds for the address behind a name, and nothing is dialled', async t => {
  const server = await startRawServer(t, () => t.fail('dialled'))
  const daemon = await startTestDaemon(`egress: { deny: [127.0.0.0/8, "::1"] }\n${QUICK}`)
  t.teardown(() => daemon.close())
  for (const host of [
    '127.0.0.1',
    'localhost',
    '0.0.0.0',
    '127.9.9.9',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
  ]) {
    const denied = await request(daemon.port, `http://${host}:${server.port}/`)
    t.equal(denied.status, 403, host)
    t.match(denied.text, /"code":"destination_denied".*"outcome":"not-sent"/, host)
    t.match(denied.header('proxy-status'), /error=destination_ip_prohibited/)
    const { status, socket } = await openTunnel(daemon.port, `${host}:${server.port}`)
    t.equal(status, 403, `CONNECT ${host}`)
    socket.destroy()
  }
})

test('T7: link-local and metadata addresses are denied in every spelling', async t => {
  const daemon = await startTestDaemon(
    'routes: [{ name: a, match: { host: "*" }, breaker: off, timeout: { connect: 100ms } }]',
  )
  t.teardown(() => daemon.close())
  const hosts = [
    '169.254.169.254',
    '169.254.0.1',
    '[fe80::1]',
    '[FE80::1]',
    '[febf::1]',
    '[fd00:ec2::254]',
    '[fd00:0ec2:0:0::254]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[0:0:0:0:0:ffff:a9fe:a9fe]',
  ]
  for (const host of hosts) {
    t.equal((await request(daemon.port, `http://${host}/latest/meta-data/`)).status, 403, host)
    const { status, socket } = await openTunnel(daemon.port, `${host}:80`)
    t.equal(status, 403, `CONNECT ${host}`)
    socket.destroy()
  }
})

test('T7: a route that names a link-local address may go there, and only there', t => {
  const guard = createDestinationGuard([], () => [], new Set(['169.254.169.254']))
  t.equal(guard('169.254.169.254', 80, '169.254.169.254'), undefined)
  t.match(
    guard('169.254.169.253', 80, '169.254.169.253'),
    { fault: 'destination_ip_prohibited' },
    'its neighbour is not meant',
  )
  const denied = createDestinationGuard(['169.254.0.0/16'], () => [], new Set(['169.254.169.254']))
  t.match(
    denied('169.254.169.254', 80, '169.254.169.254'),
    { fault: 'destination_ip_prohibited' },
    'egress.deny wins over a route',
  )
  t.end()
})

test('egress.unmatched: deny makes the routes an allow-list', async t => {
  const { upstream, daemon } = await scene(
    t,
    () => answer(200, 'in'),
    'egress: { unmatched: deny }\nroutes: [{ name: a, match: { host: 127.0.0.1, path: /open/** } }]',
  )
  t.equal((await request(daemon.port, `${upstream.url}/open/a`)).text, 'in')
  for (const url of [`${upstream.url}/shut`, `http://localhost:${upstream.port}/open/a`]) {
    const denied = await request(daemon.port, url)
    t.equal(denied.status, 403, url)
    t.match(denied.text, /no route allows/)
  }
  const { status, socket } = await openTunnel(daemon.port, `localhost:${upstream.port}`)
  t.equal(status, 403)
  socket.destroy()
  t.equal(upstream.seen.length, 1)
})
