import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import { makeCertificate } from '../support/certificate.js'
import { QUICK, startTestDaemon } from '../support/daemon.js'
import { endOf, freePort, openTunnel, readToEnd, startRawServer } from '../support/tunnel.js'
import { answer, startUpstream } from '../support/upstream.js'

/** Nobody has a say about these hosts: bytes pass untouched without a look at them. */
const UNROUTED = 'routes: [{ name: other, match: { host: other.test } }]'
const BOTH: [string, string][] = [
  ['a host with a route', QUICK],
  ['any other host', UNROUTED],
]

async function start(t: Test, config = QUICK) {
  const daemon = await startTestDaemon(config)
  t.teardown(() => daemon.close())
  return daemon
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

test('FP-04: CONNECT dials first: a refused connection is a 502 and never a 200', async t => {
  const daemon = await start(t)
  const port = await freePort()
  const { status, head, socket } = await openTunnel(daemon.port, `127.0.0.1:${port}`)
  t.equal(status, 502)
  t.match(head, /error=connection_refused; details="attempts=3; /)
  t.match(String(await readToEnd(socket)), /"code":"connect_failed".*"outcome":"not-sent"/)
  const [exchange] = await daemon.logged(1)
  t.match(exchange, { mode: 'tunnel', host: `127.0.0.1:${port}`, status: 502 })
  socket.destroy()
})

test('R1: a dial that failed is tried again', async t => {
  const daemon = await start(
    t,
    'routes: [{ name: a, match: { host: "*" }, retry: { attempts: 10, backoff: { base: 50ms, cap: 50ms } } }]',
  )
  const port = await freePort()
  const opened = openTunnel(daemon.port, `127.0.0.1:${port}`)
  while (daemon.daemon.holds().clients === 0) await turns(1)
  await turns(100)
  await startRawServer(t, socket => socket.end('late'), port)
  const { status, socket } = await opened
  t.equal(status, 200)
  t.equal(String(await readToEnd(socket)), 'late')
  socket.end()
  const [exchange] = await daemon.logged(1)
  t.equal(exchange?.attempts[0]?.outcome, 'connection_refused')
  t.equal(exchange?.attempts.at(-1)?.outcome, 'connected')
})

for (const [name, config] of BOTH) {
  test(`FP-04: a tunnel to ${name} passes bytes as they are`, async t => {
    const daemon = await start(t, config)
    const server = await startRawServer(t)
    await t.test('bytes right behind the CONNECT arrive', async t => {
      const opening = openTunnel(daemon.port, server.authority, '\x16\x03early')
      const upstream = await server.accepted()
      const [chunk] = (await once(upstream, 'data')) as [Buffer]
      t.equal(chunk.toString('latin1'), '\x16\x03early')
      upstream.end()
      ;(await opening).socket.destroy()
    })
    await t.test('a server that speaks first is heard', async t => {
      const { socket } = await openTunnel(daemon.port, server.authority)
      const upstream = await server.accepted()
      upstream.write('220 ready\r\n')
      const [greeting] = (await once(socket, 'data')) as [Buffer]
      t.equal(String(greeting), '220 ready\r\n')
      socket.write('EHLO x\r\n')
      const [reply] = (await once(upstream, 'data')) as [Buffer]
      t.equal(String(reply), 'EHLO x\r\n')
      upstream.end()
      socket.destroy()
    })
    await t.test('a client that is done sending still hears 10 KB', async t => {
      const { socket } = await openTunnel(daemon.port, server.authority)
      const upstream = await server.accepted()
      const sent = readToEnd(upstream)
      socket.end('\x01last words')
      t.equal((await sent).toString(), '\x01last words')
      upstream.end(Buffer.alloc(10_240, 'u'))
      t.equal((await readToEnd(socket)).length, 10_240)
    })
    await t.test('a server that is done sending still hears 10 KB', async t => {
      const { socket } = await openTunnel(daemon.port, server.authority)
      const upstream = await server.accepted()
      const heard = readToEnd(socket)
      upstream.end('last words')
      t.equal(String(await heard), 'last words')
      const rest = readToEnd(upstream)
      socket.end(Buffer.alloc(10_240, 1))
      t.equal((await rest).length, 10_240)
    })
    await t.test('a reset on one side is a reset on the other', async t => {
      for (const from of ['client', 'server'] as const) {
        const { socket } = await openTunnel(daemon.port, server.authority, '\x01')
        const upstream = await server.accepted()
        await once(upstream, 'data')
        const [one, other] = from === 'client' ? [socket, upstream] : [upstream, socket]
        const end = endOf(other)
        one.resetAndDestroy()
        t.equal(await end, 'ECONNRESET', `from the ${from}`)
      }
    })
    await t.test('a server that resets before anyone spoke resets the client, and nothing else', async t => {
      const { socket } = await openTunnel(daemon.port, server.authority)
      socket.once('end', () => socket.destroy())
      const end = endOf(socket)
      const bugs: unknown[] = []
      const onBug = (error: unknown) => bugs.push(error)
      process.on('uncaughtException', onBug)
      ;(await server.accepted()).resetAndDestroy()
      t.equal(await end, 'ECONNRESET')
      process.removeListener('uncaughtException', onBug)
      t.same(bugs, [])
    })
    await t.test('a client that leaves without a word takes the tunnel with it', async t => {
      for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
        const { socket } = await openTunnel(daemon.port, server.authority)
        const upstream = await server.accepted()
        const heard = readToEnd(upstream)
        socket[leave]()
        t.equal((await heard).length, 0, leave)
        upstream.end()
        socket.destroy()
      }
    })
    await t.test('1 MB comes back as it went', async t => {
      const { socket } = await openTunnel(daemon.port, server.authority)
      const upstream = await server.accepted()
      upstream.pipe(upstream)
      const bytes = Buffer.concat([Buffer.from([0]), randomBytes(1_048_575)])
      const back = readToEnd(socket)
      socket.end(bytes)
      t.equal(digest(await back), digest(bytes))
    })
    await t.test('nothing is left when tunnels are over', async t => {
      const exchanges = await daemon.logged(11)
      const held = () => daemon.daemon.holds()
      while (held().clients > 0 || held().upstreamConnections > 0) await turns(1)
      t.match(held(), { clients: 0, upstreamConnections: 0, bodyMemory: 0 })
      t.equal(exchanges.filter(({ mode }) => mode === 'tunnel').length, 11)
    })
  })
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('FP-04: TLS passes untouched: the client sees the certificate of the upstream itself', async t => {
  const certificate = makeCertificate()
  const server = createTlsServer(certificate, socket => socket.end('secret'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const daemon = await start(t)
  const direct = await handshake({ port }, certificate.cert)
  const { socket } = await openTunnel(daemon.port, `localhost:${port}`)
  const through = await handshake({ socket }, certificate.cert)
  t.equal(through.fingerprint, direct.fingerprint)
  t.equal(through.text, 'secret')
})

async function handshake(to: { port: number } | { socket: Socket }, ca: string) {
  const tls: TLSSocket = connectTls({ host: 'localhost', servername: 'localhost', ca, ...to })
  await once(tls, 'secureConnect')
  const fingerprint = tls.getPeerCertificate().fingerprint256
  const text = String(await readToEnd(tls))
  tls.destroy()
  return { fingerprint, text }
}

test('L9: a client that leaves between two dials ends them, however it leaves', async t => {
  const daemon = await start(
    t,
    // The wait is drawn from nothing to all of it.
    'routes: [{ name: a, match: { host: "*" }, timeout: { total: 1h }, retry: { backoff: { base: 30m, cap: 30m } } }]',
  )
  for (const [i, leave] of (['end', 'destroy', 'resetAndDestroy'] as const).entries()) {
    const target = `127.0.0.1:${await freePort()}`
    const client = connect(daemon.port, '127.0.0.1')
    client.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    while (daemon.daemon.holds().clients === 0) await turns(1)
    await turns(100)
    client[leave]()
    const exchange = (await daemon.logged(i + 1)).find(({ host }) => host === target)
    t.match(exchange, { end: 'client-gone', status: 0 }, leave)
    t.equal(exchange?.attempts.length, 1)
    client.destroy()
    while (daemon.daemon.holds().clients > 0) await turns(1)
  }
})

test('a CONNECT behind common requests, in pieces and with bytes behind it, makes a tunnel in its turn', async t => {
  const daemon = await start(t)
  const server = await startRawServer(t)
  const upstream = await startUpstream(() => answer(200, 'before'))
  t.teardown(() => upstream.close())
  const ask = `GET ${upstream.url}/ HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`
  const connecting = `CONNECT ${server.authority} HTTP/1.1\r\nHost: ${server.authority}\r\nProxy-Connection: keep-alive\r\n\r\n\x16\x03early`
  for (const size of [1, 40, 10_000]) {
    const client = connect({ port: daemon.port, host: '127.0.0.1', noDelay: true })
    let heard = ''
    client.on('data', chunk => (heard += chunk.toString('latin1')))
    const whole = Buffer.from(ask + ask + connecting, 'latin1')
    for (let at = 0; at < whole.length; at += size) {
      client.write(whole.subarray(at, at + size))
      await turns(1)
    }
    const far = await server.accepted()
    let arrived = ''
    far.on('data', chunk => (arrived += chunk.toString('latin1')))
    while (arrived.length < 7) await turns(1)
    t.equal(arrived, '\x16\x03early', `in pieces of ${size}`)
    far.end('bye')
    client.end()
    await once(client, 'close')
    t.match(heard, /^HTTP\/1\.1 200 .*before.*before.*HTTP\/1\.1 200 Connection established\r\n\r\nbye$/s)
  }
})

test('the record of a tunnel counts its bytes, not those of answers before it, and all of them', async t => {
  const daemon = await start(t)
  const server = await startRawServer(t)
  const upstream = await startUpstream(() => answer(200, 'before'))
  t.teardown(() => upstream.close())
  const client = connect({ port: daemon.port, host: '127.0.0.1' })
  const heard = readToEnd(client)
  client.write(`GET ${upstream.url}/ HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`)
  client.write(`CONNECT ${server.authority} HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`)
  const far = await server.accepted()
  const said = readToEnd(far)
  // It could be the beginning of a request, so it is held until more is known.
  client.end('QUIT')
  t.equal(String(await said), 'QUIT')
  far.end('bye')
  await heard
  const [, tunnel] = await daemon.logged(2)
  t.match(tunnel, { mode: 'tunnel', bytes_in: 4, bytes_out: 3 })
})
