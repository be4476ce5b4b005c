import { networkInterfaces } from 'node:os'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { startTestDaemon, type TestDaemon } from '../support/daemon.js'
import { scriptNames } from '../support/names.js'
import { serve } from '../support/next-hop.js'
import { openTunnel } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

/** Denied whatever the configuration says: link-local and metadata, bare and in every wrapper. */
const ALWAYS = [
  '169.254.0.0',
  '169.254.169.254',
  '169.254.170.2',
  '169.254.255.255',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fe80::',
  'fe80::1',
  'fe80::a9fe:a9fe',
  'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  'fd00:42::42',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::169.254.169.254',
  '::ffff:0:169.254.169.254',
  '64:ff9b::169.254.169.254',
  '64:ff9b::6464:64c8',
  '64:ff9b:1::169.254.169.254',
  '64:ff9b:1:a9fe:a9:fe00::',
  '64:ff9b:1:a9:fe:a9fe::',
  '64:ff9b:1:0:a9:fea9:fe00:0',
  '2002:a9fe:a9fe::1',
  '2002:a83f:8110::',
  '2001:0:a9fe:a9fe::',
  '2001:0:4136:e378:8000:63bf:5601:5601',
  'fd01::5efe:169.254.169.254',
  '2001:db8::200:5efe:a9fe:a9fe',
]

/** The special-purpose registries of IANA (RFC 6890), for `egress.deny`. */
const PRIVATE = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '"::1"',
  '"100::/64"',
  '"2001:db8::/32"',
  '"fc00::/7"',
  '"ff00::/8"',
]

/** Denied where those networks are. */
const DENIED = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '100::1',
  '2001:db8::1',
  'fc00::1',
  'fd12:3456::1',
  'ff02::1',
  '::ffff:10.1.2.3',
  '::10.1.2.3',
  '::ffff:0:192.168.1.1',
  '64:ff9b::10.1.2.3',
  '64:ff9b::127.0.0.1',
  '64:ff9b::',
  '64:ff9b:1:a01:2:300::',
  '2002:0a01:0203::1',
  '2002:c0a8:0101::',
  '2001:0:4136:e378:8000:63bf:f5fe:fdfc',
  '2400:cb00::5efe:172.16.5.5',
]

const routes = 'routes: [{ name: all, match: { host: "*" }, breaker: off, retry: off, timeout: { connect: 100ms } }]'

/** A daemon that is asked for each address twice: as such, and by a name that leads to it. */
async function expectDenied(t: Test, addresses: readonly string[], egress: string): Promise<void> {
  const names = scriptNames(t)
  const daemon = await startTestDaemon(`${egress}\n${routes}`)
  t.teardown(() => daemon.close())
  for (const [index, address] of addresses.entries()) {
    const name = `special-${index}.test`
    names.answer(name, [address])
    for (const host of [address.includes(':') ? `[${address}]` : address, name]) {
      const denied = await request(daemon.port, `http://${host}/latest/meta-data/`)
      t.match(denied.text, /"code":"destination_denied".*"outcome":"not-sent"/, `${host} is ${address}`)
      t.match(denied.header('proxy-status'), /error=destination_ip_prohibited/)
      const { status, socket } = await openTunnel(daemon.port, `${host}:443`)
      t.equal(status, 403, `CONNECT ${host}`)
      socket.destroy()
    }
  }
}

test('T7: link-local and metadata addresses are denied as such, behind a name, and inside of every transition form', t =>
  expectDenied(t, ALWAYS, ''))

test('T7: egress.deny holds for an address as such, behind a name, and inside of every transition form', t =>
  expectDenied(t, DENIED, `egress: { deny: [${PRIVATE.join(', ')}] }`))

test('T7: a network of egress.deny that is written as IPv4-mapped IPv6 denies the IPv4 addresses', t =>
  expectDenied(t, ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3'], 'egress: { deny: ["::ffff:10.0.0.0/104"] }'))

test('T7: a name that leads to a metadata address is denied though a route names that address', async t => {
  const names = scriptNames(t)
  names.answer('friend.test', ['169.254.169.254'])
  const named = 'routes: [{ name: meta, match: { host: 169.254.169.254 }, retry: off, timeout: { connect: 100ms } }]'
  const daemon = await startTestDaemon(named)
  t.teardown(() => daemon.close())
  t.match((await request(daemon.port, 'http://friend.test/')).text, /"code":"destination_denied"/)
  const asked = await request(daemon.port, 'http://169.254.169.254/')
  t.notMatch(asked.text, /destination_denied/, 'asked for by its address it is dialled, whatever comes of that')
})

const LAN = Object.values(networkInterfaces())
  .flatMap(list => list ?? [])
  .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  .map(({ address }) => address)

/** Every way to write or reach the machine's own addresses. */
const LOOPBACK = ['127.0.0.1', '::ffff:127.0.0.1', '0.0.0.0', '::ffff:0.0.0.0', '64:ff9b::7f00:1', '::127.0.0.1']
const EVERYWHERE = [...LOOPBACK, '127.0.0.2', '127.255.255.254', '::', '::1', ...LAN, ...LAN.flatMap(mapped)]

function mapped(address: string): string[] {
  return address.includes(':') ? [] : [`::ffff:${address}`, `64:ff9b::${address}`]
}

async function expectLoop(t: Test, daemon: TestDaemon, port: number, addresses: readonly string[]): Promise<void> {
  const names = scriptNames(t)
  for (const [index, address] of addresses.entries()) {
    const name = `self-${index}.test`
    names.answer(name, [address])
    for (const host of [address.includes(':') ? `[${address}]` : address, name]) {
      const looped = await request(daemon.port, `http://${host}:${port}/v1/status`)
      t.equal(looped.status, 508, `${host} is ${address}`)
      const { status, socket } = await openTunnel(daemon.port, `${host}:${port}`)
      t.equal(status, 508, `CONNECT ${host}`)
      socket.destroy()
    }
  }
}

test('T3: its own listener is not dialled by any spelling of loopback', async t => {
  const daemon = await startTestDaemon(routes)
  t.teardown(() => daemon.close())
  await expectLoop(t, daemon, daemon.port, LOOPBACK)
})

test('T3: a listener on all addresses is not dialled by any address of this machine', async t => {
  const auth = 'listen: { auth: { username: ann, password: "s:cret" }, allow_from: [127.0.0.0/8] }'
  const daemon = await startTestDaemon(`${auth}\n${routes}`, '0.0.0.0:0')
  t.teardown(() => daemon.close())
  if (LAN.length === 0) t.comment('no network: the addresses of this machine are loopback only')
  await expectLoop(t, daemon, daemon.port, EVERYWHERE)
})

test('T3: a listener that is bound to a name is not dialled by its addresses', async t => {
  const daemon = await startTestDaemon(routes, 'localhost:0')
  t.teardown(() => daemon.close())
  await expectLoop(t, daemon, daemon.port, ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
})

test('T3: the admin side is not dialled through the proxy, nor as the next hop', async t => {
  const daemon = await startTestDaemon(routes, '127.0.0.1:0', process.env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const { admin } = daemon.daemon
  const port = admin?.kind === 'tcp' ? admin.port : 0
  await expectLoop(t, daemon, port, LOOPBACK)
  await daemon.reload(`egress: { proxy: "http://127.0.0.1:${port}" }\n${routes}`)
  t.equal((await request(daemon.port, 'http://a.test/')).status, 508)
})

test('T7: with a next hop a wrapped address is denied too, on every way', async t => {
  const proxy = await serve(t, () => answer(200, 'proxy'))
  const yaml = `egress: { proxy: "${proxy.url}", deny: [10.0.0.0/8] }\n${routes}`
  const daemon = await startTestDaemon(yaml)
  t.teardown(() => daemon.close())
  for (const host of ['[64:ff9b::a9fe:a9fe]', '[2002:0a01:0203::1]', '[fd00:ec2::254]', '[::10.1.2.3]']) {
    t.match((await request(daemon.port, `http://${host}/`)).header('proxy-status'), /error=destination_ip_prohibited/)
    const { status, socket } = await openTunnel(daemon.port, `${host}:443`)
    t.equal(status, 403)
    socket.destroy()
    const fields = ['Connection: Upgrade', 'Upgrade: websocket']
    t.equal((await request(daemon.port, `http://${host}/`, { fields })).status, 403, 'upgrade')
  }
  t.equal(proxy.connections(), 0)
})
