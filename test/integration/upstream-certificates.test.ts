import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import {
  asServer,
  authority,
  CLIENT_AUTH,
  isAuthority,
  type Link,
  leafFor,
  makeLink,
  names,
  onlyBelow,
} from '../support/chain.js'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { scriptNames } from '../support/names.js'
import { shortDir } from '../support/short-dir.js'

const root = await authority('Test Root')
const middle = await authority('Test Middle', root, 0)
const stranger = await authority('Stranger')
const old = { from: -30, until: -1 }
const noAuthority = { extensions: [isAuthority(false)] }

/** What an impostor, or a careless operator, may show in place of a certificate for good.test. */
const BAD: readonly (readonly [string, () => Promise<Link>])[] = [
  ['expired', () => leafFor(root, 'good.test', old)],
  ['not yet valid', () => leafFor(root, 'good.test', { from: 2, until: 30 })],
  ['for another name', () => leafFor(root, 'evil.test')],
  ['for the name above', () => leafFor(root, 'test')],
  ['for a name that goes on', () => leafFor(root, 'good.test.evil.test')],
  ['a wildcard two labels deep', () => leafFor(root, '*.*.test')],
  ['a wildcard for everything', () => leafFor(root, '*')],
  ['for its address, as a name', () => leafFor(root, '127.0.0.1', names(['dns', '127.0.0.1']))],
  ['for its address', () => leafFor(root, 'x', names(['ip', '127.0.0.1']))],
  [
    'the name only in another kind of field',
    () => leafFor(root, 'x', { ...names(['dns', 'x.test']), subject: 'CN=good.test' }),
  ],
  ['signed by itself', () => makeLink({ subject: 'CN=good.test', ...names(['dns', 'good.test']) })],
  ['by an authority that nobody knows', () => leafFor(stranger, 'good.test')],
  ['by an authority that only has the name of one', async () => leafFor(await authority('Test Root'), 'good.test')],
  ['for clients, not for servers', () => leafFor(root, 'good.test', {}, CLIENT_AUTH)],
  ['by another leaf', async () => leafFor(await leafFor(root, 'a.test'), 'good.test')],
  [
    'by an authority without the right to it',
    async () => leafFor(await makeLink({ subject: 'CN=m', issuer: root, ...noAuthority }), 'good.test'),
  ],
  ['too deep below its authority', async () => leafFor(await authority('Deeper', middle), 'good.test')],
  [
    'outside of the names of its authority',
    async () => leafFor(await authority('Narrow', root, 0, onlyBelow('other.test')), 'good.test'),
  ],
  [
    'by an authority that expired',
    async () => {
      const extensions = [isAuthority(true)]
      return leafFor(await makeLink({ subject: 'CN=Old', issuer: root, ...old, extensions }), 'good.test')
    },
  ],
  [
    'by SHA-1',
    async () => {
      const algorithm = {
        name: 'RSASSA-PKCS1-v1_5',
        hash: 'SHA-1',
        modulusLength: 2_048,
        publicExponent: new Uint8Array([1, 0, 1]),
      }
      const extensions = [isAuthority(true)]
      return leafFor(await makeLink({ subject: 'CN=Weak', issuer: root, algorithm, extensions }), 'good.test')
    },
  ],
  [
    'an RSA key of 512 bits above it',
    async () => {
      const algorithm = {
        name: 'RSASSA-PKCS1-v1_5',
        hash: 'SHA-256',
        modulusLength: 512,
        publicExponent: new Uint8Array([1, 0, 1]),
      }
      const extensions = [isAuthority(true)]
      return leafFor(await makeLink({ subject: 'CN=Short', issuer: root, algorithm, extensions }), 'good.test')
    },
  ],
]

/** An https server with this certificate, however bad. */
async function serverWith(t: Test, leaf: Link) {
  const met = { requests: 0, connections: 0, resumed: 0 }
  // What it shows may be too weak for OpenSSL itself; that is for the other side to judge.
  const server = createServer({ ...(await asServer(leaf)), ciphers: 'DEFAULT@SECLEVEL=0' }, (_request, reply) => {
    met.requests++
    reply.setHeader('Connection', 'close').end('in')
  })
  server.on('tlsClientError', () => undefined)
  server.on('connection', () => met.connections++)
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.isSessionReused()) met.resumed++
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { met, port: (server.address() as AddressInfo).port }
}

async function daemonThatTrustsRoot(t: Test) {
  const roots = join(shortDir(t), 'roots.pem')
  writeFileSync(roots, root.cert.toString('pem'))
  const yaml = `
egress: { ca_file: ${roots} }
credentials: { vendor: { source: { env: TOKEN } } }
routes:
  - { name: good, match: { host: good.test }, credential: vendor, breaker: off }
  - { name: all, match: { host: "*" }, breaker: off }`
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', { ...process.env, TOKEN: 'canary-of-the-vendor' })
  t.teardown(() => daemon.close())
  return daemon
}

test('T12: no request and no token goes to an upstream whose certificate is not good for its name, and none is repeated', async t => {
  const dns = scriptNames(t)
  dns.answer('good.test', ['127.0.0.1'])
  const daemon = await daemonThatTrustsRoot(t)
  for (const [name, make] of BAD) {
    const { met, port } = await serverWith(t, await make())
    const { status, text, header } = await request(daemon.port, `https://good.test:${port}/`)
    t.equal(status, 502, name)
    t.match(text, /"code":"tls_failed".*"outcome":"not-sent"/, name)
    t.match(header('proxy-status'), /error=tls_certificate_error/, name)
    t.strictSame(met, { requests: 0, connections: 1, resumed: 0 }, name)
  }
  t.notMatch(JSON.stringify(daemon.lines), 'canary-of-the-vendor')
})

test('T12: chains that are good are taken, so that the others are refused for what is wrong with them', async t => {
  const dns = scriptNames(t)
  dns.answer('good.test', ['127.0.0.1'])
  const daemon = await daemonThatTrustsRoot(t)
  const good = [
    await leafFor(root, 'good.test'),
    await leafFor(middle, 'good.test'),
    await leafFor(root, 'x', names(['dns', 'other.test'], ['dns', 'good.test'])),
    await leafFor(await authority('Wide', root, 0, onlyBelow('good.test')), 'good.test'),
  ]
  for (const leaf of good) {
    const { port } = await serverWith(t, leaf)
    t.equal((await request(daemon.port, `https://good.test:${port}/`)).text, 'in')
  }
})

test('T23: no TLS session is taken up again: not by another name at the same address, and not by the same', async t => {
  const dns = scriptNames(t)
  const daemon = await daemonThatTrustsRoot(t)
  const { met, port } = await serverWith(
    t,
    await leafFor(root, 'x', names(['dns', 'good.test'], ['dns', 'other.test'])),
  )
  for (const host of ['good.test', 'other.test', 'good.test', 'other.test']) {
    dns.answer(host, ['127.0.0.1'])
    t.equal((await request(daemon.port, `https://${host}:${port}/`)).text, 'in')
  }
  t.strictSame(met, { requests: 4, connections: 4, resumed: 0 })
})
