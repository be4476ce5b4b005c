import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t from 'tap'
import { request } from '../support/client.js'
import { lanesFor, lanesTo } from '../support/client-lane.js'
import { ManualClock } from '../support/clock.js'
import { crowd, until } from '../support/crowd.js'
import { type Frame, type FramePeer, okay, settings, startFrameServer, TYPE } from '../support/h2-frames.js'
import { ANY, begin, dialled, listener, lonelyUpstream } from '../support/h2-line.js'
import { h2Config, h2Daemon, reply, startH2Upstream } from '../support/h2-upstream.js'
import { certificate, daemonFor } from '../support/next-hop.js'
import { startRawServer } from '../support/tunnel.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, startUpstream } from '../support/upstream.js'

t.test('200 concurrent requests to a cold origin make one handshake', async t => {
  const upstream = await startH2Upstream(t, (stream, { path }) => reply(stream, path))
  const daemon = await h2Daemon(t)
  const lanes = lanesFor(t, daemon.port, 200)
  const got = await crowd(200, 200, index => lanes[index]!.ask(`${upstream.url}/${index}`))
  t.equal(got.filter(({ status, text }, index) => status === 200 && text === `/${index}`).length, 200)
  t.equal(upstream.handshakes(), 1)
  const records = await daemon.logged(200)
  t.ok(records.every(({ attempts }) => attempts.length === 1))
})

t.test('200 concurrent requests to a cold origin that chooses HTTP/1.1 get their connections', async t => {
  const upstream = await startUpstream(({ path }) => answer(200, path), { tls: certificate })
  t.teardown(() => upstream.close())
  const daemon = await h2Daemon(t)
  const lanes = lanesFor(t, daemon.port, 200)
  const got = await crowd(200, 200, index => lanes[index]!.ask(`${upstream.url}/${index}`))
  t.equal(got.filter(({ status, text }, index) => status === 200 && text === `/${index}`).length, 200)
  t.ok(upstream.connections() <= 200)
})

for (const limit of [1, 10]) {
  t.test(`RFC 9113 §5.1.2: no more than ${limit} streams where SETTINGS say so, and more connections`, async t => {
    let most = 0
    let refused = 0
    const open = new Map<number, number>()
    const upstream = await startH2Upstream(
      t,
      (stream, { connection, path }) => {
        open.set(connection, (open.get(connection) ?? 0) + 1)
        most = Math.max(most, open.get(connection) ?? 0)
        stream.on('close', () => {
          open.set(connection, (open.get(connection) ?? 0) - 1)
          if (stream.rstCode === 7) refused++
        })
        // All streams that can be open together are, for a moment.
        setImmediate(() => setImmediate(() => reply(stream, path)))
      },
      { settings: { maxConcurrentStreams: limit } },
    )
    const daemon = await h2Daemon(t)
    const lanes = lanesFor(t, daemon.port, 40)
    const got = await crowd(400, 40, (index, lane) => lanes[lane]!.ask(`${upstream.url}/${index}`))
    t.equal(got.filter(({ status, text }, index) => status === 200 && text === `/${index}`).length, 400)
    t.equal(most, limit)
    t.equal(refused, 0)
    t.ok(upstream.connections() <= 40 + 400 / limit / 10, `${upstream.connections()} connections`)
    const records = await daemon.logged(400)
    t.ok(records.every(({ attempts }) => attempts.length === 1))
  })
}

t.test('a peer that takes no streams for now is asked all the same', async t => {
  const onFrame = ({ type, stream }: Frame, peer: FramePeer) => {
    if (type === TYPE.headers) peer.send(okay(stream, 'x'))
  }
  const open = (peer: FramePeer) => {
    peer.send(settings(3, 0))
    setImmediate(() => peer.send(settings(3, 10)))
  }
  const server = await startFrameServer(t, { open, onFrame }, certificate)
  const daemon = await h2Daemon(t)
  const got = await Promise.all([1, 2, 3].map(() => request(daemon.port, server.url)))
  t.ok(got.every(({ text }) => text === 'x'))
})

/** Takes connections, and nothing comes of them. */
async function startDeadEnd(onConnection: (socket: Socket) => void) {
  let connections = 0
  const sockets: Socket[] = []
  const server = createServer(socket => {
    connections++
    sockets.push(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

t.test('R1: a dial that fails fails all that wait for it, and each repeats', async t => {
  const dead = await startDeadEnd(socket => socket.once('data', () => socket.destroy()))
  t.teardown(dead.close)
  const daemon = await h2Daemon(t, 'breaker: off')
  const asked = Array.from({ length: 20 }, () =>
    request(daemon.port, `https://localhost:${dead.port}/`, { method: 'POST', body: 'x' }),
  )
  const got = await Promise.all(asked)
  t.ok(got.every(({ status, text }) => status === 502 && /"code":"tls_failed".*"outcome":"not-sent"/.test(text)))
  const records = await daemon.logged(20)
  const attempts = records.reduce((sum, record) => sum + record.attempts.length, 0)
  t.ok(attempts > 20, `${attempts} attempts`)
  t.ok(dead.connections() < attempts / 2, `${dead.connections()} connections`)
})

t.test('each request keeps its own patience with a dial that hangs', async t => {
  const routes = [200, 400].map(
    patience => `
  - name: wait-${patience}
    match: { host: "localhost", path: "/${patience}" }
    timeout: { connect: ${patience}ms }
    retry: off`,
  )
  const { dead, daemon, got } = await undisturbed(async () => {
    const dead = await startDeadEnd(() => undefined)
    t.teardown(dead.close)
    const daemon = await daemonFor(t, h2Config(t).replace('routes:', `routes:${routes.join('')}`))
    const ask = (patience: number) => request(daemon.port, `https://localhost:${dead.port}/${patience}`)
    return { dead, daemon, got: await Promise.all([400, 200, 400, 200].map(ask)) }
  })
  t.ok(got.every(({ status }) => status === 502))
  const records = await daemon.logged(4)
  for (const { route, duration_ms, status } of records) {
    const patience = Number(route.slice(5))
    t.equal(status, 502)
    t.ok(duration_ms >= patience && duration_ms < patience + 180, `${route}: ${duration_ms} ms`)
  }
  t.equal(dead.connections(), 1)
})

t.test('L9: a dial for which nobody waits any more is cancelled', async t => {
  const dead = await startRawServer(t)
  const daemon = await h2Daemon(t)
  const lanes = lanesTo(daemon.port, 3)
  for (const lane of lanes) void lane.ask(`https://localhost:${dead.port}/`)
  const socket = await dead.accepted()
  await once(socket, 'data')
  const closed = once(socket, 'close')
  lanes[0]?.close()
  lanes[1]?.close()
  t.equal(socket.destroyed, false)
  lanes[2]?.close()
  socket.resume()
  socket.on('end', () => socket.end())
  await closed
  t.equal((await daemon.logged(3)).length, 3)
})

t.test('R3: a connection is closed after 4 s without a stream, and trusted for 1 s after it was heard', async t => {
  const server = await startH2Upstream(t, stream => reply(stream, 'x'))
  const clock = new ManualClock()
  const upstream = lonelyUpstream(t, server.port, clock)
  const user = listener()
  begin(await dialled(upstream), user)
  await user.until('end')
  // The stream closes right behind its answer.
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
  const trusted = { ...ANY, trusted: true }
  t.ok(upstream.take(trusted))
  clock.advance(1_000)
  t.equal(upstream.take(trusted), undefined)
  t.equal(upstream.take({ ...ANY, fresh: true }), undefined)
  t.ok(upstream.take(ANY))
  clock.advance(2_999)
  upstream.sweep()
  t.ok(upstream.take(ANY))
  clock.advance(1)
  t.equal(upstream.take(ANY), undefined)
  t.equal(upstream.open, 1)
  upstream.sweep()
  await until(() => upstream.open === 0 && server.sessions.size === 0)
})

t.test('a connection that was closed meanwhile is known not to have got the request', async t => {
  const server = await startH2Upstream(t, stream => reply(stream, 'x'))
  const upstream = lonelyUpstream(t, server.port)
  const first = listener()
  begin(await dialled(upstream), first)
  await first.until('end')
  const late = upstream.take(ANY)
  for (const session of server.sessions) session.destroy()
  await until(() => upstream.open === 0)
  const user = listener()
  if (late) begin(late, user)
  t.match(await user.until('fault'), /^fault stream_refused /)
})
