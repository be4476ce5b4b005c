import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { type Answer, readAnswer, request } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { oneRoute, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

/** Deadlines are checked every 10 ms; the rest is what a busy machine adds. */
const SLACK = 250

async function timed(work: Promise<Answer>): Promise<Answer & { took: number }> {
  const since = performance.now()
  const got = await work
  return { ...got, took: performance.now() - since }
}

/** Hands over the pieces one by one, `every` ms; slowness is the fault here. */
function trickle(socket: Socket, pieces: readonly string[], every: number): void {
  const left = [...pieces]
  const timer = setInterval(() => {
    const piece = left.shift()
    if (piece === undefined || socket.destroyed) return clearInterval(timer)
    socket.write(piece)
  }, every)
  socket.on('close', () => clearInterval(timer))
}

const never: Script = () => undefined

t.test('F6: a connection that is not made in time is a fault that reached nobody, repeated for any method', async t => {
  // Takes the connection, and never answers the handshake: the silence of a listener that is overrun.
  const { mute, daemon, got } = await undisturbed(async () => {
    const mute = await startUpstream(never)
    t.teardown(mute.close)
    const { daemon } = await scene(t, never, oneRoute('timeout: { connect: 100ms }'))
    const url = `https://127.0.0.1:${mute.port}/x`
    return { mute, daemon, got: await timed(request(daemon.port, url, { method: 'POST', body: 'x' })) }
  })
  t.equal(got.status, 502)
  t.match(problemOf(got), { code: 'connect_failed', outcome: 'not-sent' })
  t.match(got.header('proxy-status'), /error=connection_timeout/)
  t.equal(mute.connections(), 3, 'three attempts')
  t.ok(got.took >= 300 && got.took < 300 + 40 + SLACK, `${Math.round(got.took)} ms`)
  t.equal(daemon.daemon.holds().upstreamConnections, 0)
})

t.test('R1: a POST without an answer in timeout.per_try is a 504 that may have acted', async t => {
  const { upstream, daemon, got } = await undisturbed(async () => {
    const all = await scene(t, never, oneRoute('timeout: { total: 5s, per_try: 150ms }'))
    return { ...all, got: await timed(request(all.daemon.port, all.url, { method: 'POST', body: 'x' })) }
  })
  t.equal(got.status, 504)
  t.match(problemOf(got), { code: 'deadline', outcome: 'unknown' })
  t.match(got.header('proxy-status'), /error=http_response_timeout/)
  t.ok(got.took >= 150 && got.took < 150 + SLACK, `${Math.round(got.took)} ms`)
  t.equal(upstream.seen.length, 1)
  t.equal(daemon.daemon.holds().upstreamConnections, 0, 'the silent connection is closed')
})

t.test('R1: a GET without an answer in timeout.per_try is repeated', async t => {
  const script: Script = seen => (seen.number < 3 ? undefined : answer(200, 'third'))
  const { upstream, got } = await undisturbed(async () => {
    const all = await scene(t, script, oneRoute('timeout: { total: 5s, per_try: 100ms }'))
    return { ...all, got: await timed(request(all.daemon.port, all.url)) }
  })
  t.equal(got.text, 'third')
  t.ok(got.took >= 200)
  t.equal(upstream.connections(), 3, 'each on its own connection: the answer to the old one may still come')
})

t.test('L2: timeout.total ends it all, repeats and waits included', async t => {
  const { daemon, upstream, got } = await undisturbed(async () => {
    const all = await scene(t, never, oneRoute('timeout: { total: 350ms, per_try: 150ms }'))
    return { ...all, got: await timed(request(all.daemon.port, all.url)) }
  })
  t.equal(got.status, 504)
  t.match(problemOf(got), { code: 'deadline', outcome: 'unknown' })
  t.ok(got.took >= 300 && got.took < 350 + SLACK, `${Math.round(got.took)} ms`)
  t.ok(upstream.seen.length >= 2)
  t.equal(daemon.daemon.holds().upstreamConnections, 0)
})

t.test('F6: a head that trickles in is not a head in time', async t => {
  const head = [...'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n']
  const script: Script = (_, socket) => {
    trickle(socket, head, 20)
    return undefined
  }
  const got = await undisturbed(async () => {
    const { daemon, url } = await scene(t, script, oneRoute('timeout: { total: 2s, per_try: 200ms }'))
    return timed(request(daemon.port, url, { method: 'POST', body: 'x' }))
  })
  t.equal(got.status, 504)
  t.ok(got.took < 200 + SLACK, `${Math.round(got.took)} ms`)
})

t.test('L8, F6: an answer that falls silent in its body is broken off', async t => {
  for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const script: Script = () => `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello\r\n`
    const { upstream, daemon, got } = await undisturbed(async () => {
      const all = await scene(t, script, oneRoute('timeout: { idle: 200ms }'))
      return { ...all, got: await timed(request(all.daemon.port, all.url)) }
    })
    t.equal(got.status, 200)
    t.ok(got.broken, `${framing}: the client sees that it is not whole`)
    t.ok(got.took >= 200 && got.took < 200 + SLACK, `${framing}: ${Math.round(got.took)} ms`)
    t.equal(upstream.seen.length, 1, 'and it is not begun anew')
    t.equal((await daemon.logged(1))[0]?.end, 'http_response_timeout')
  }
})

t.test('F6: a body that keeps moving may take longer than any timeout', async t => {
  const script: Script = (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    trickle(socket, [...Array<string>(10).fill('1\r\nx\r\n'), '0\r\n\r\n'], 60)
  }
  const got = await undisturbed(async () => {
    const { daemon, url } = await scene(t, script, oneRoute('timeout: { total: 300ms, per_try: 200ms, idle: 250ms }'))
    return timed(request(daemon.port, url))
  })
  t.equal(got.text, 'x'.repeat(10))
  t.ok(got.took > 600)
})

t.test('L11: an event stream may be silent for as long as it likes', async t => {
  const script: Script = (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    trickle(socket, ['9\r\ndata: 1\n\n\r\n', '9\r\ndata: 2\n\n\r\n0\r\n\r\n'], 400)
  }
  const got = await undisturbed(async () => {
    const { daemon, url } = await scene(t, script, oneRoute('timeout: { total: 1s, idle: 100ms }'))
    return request(daemon.port, url)
  })
  t.equal(got.broken, false)
  t.equal(got.text, 'data: 1\n\ndata: 2\n\n')
})

t.test('F6: a client that stops in its upload gets 408, and the upstream connection is cut', async t => {
  for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const { daemon, got, socket } = await undisturbed(async () => {
      const { upstream, daemon, url } = await scene(t, never, oneRoute('timeout: { idle: 200ms }'), { early: true })
      const socket = connect(daemon.port, '127.0.0.1')
      const answered = timed(readAnswer(socket, 'POST'))
      socket.write(`POST ${url} HTTP/1.1\r\nHost: ${upstream.authority}\r\n${framing}\r\n\r\n5\r\nhello\r\n`)
      return { daemon, got: await answered, socket }
    })
    t.equal(got.status, 408, framing)
    t.match(problemOf(got), { outcome: 'unknown' })
    t.ok(got.took >= 200 && got.took < 200 + SLACK, `${framing}: ${Math.round(got.took)} ms`)
    t.same(daemon.daemon.holds(), { upstreamConnections: 0, bodyMemory: 0, clients: daemon.daemon.holds().clients })
    socket.destroy()
  }
})

t.test('L2: a long upload does not eat the time of the answer', async t => {
  const body = 'u'.repeat(1_200)
  const digest = createHash('sha256').update(body).digest('hex')
  const script: Script = seen => answer(200, createHash('sha256').update(seen.body).digest('hex'))
  const yaml = oneRoute('timeout: { total: 300ms, per_try: 200ms, idle: 250ms }')
  const got = await undisturbed(async () => {
    const { daemon, upstream, url } = await scene(t, script, yaml)
    const socket = connect(daemon.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    const answered = timed(readAnswer(socket, 'POST'))
    socket.write(`POST ${url} HTTP/1.1\r\nHost: ${upstream.authority}\r\nContent-Length: ${body.length}\r\n\r\n`)
    trickle(socket, Array<string>(12).fill('u'.repeat(100)), 60)
    return answered
  })
  t.equal(got.text, digest)
  t.ok(got.took > 600, `${Math.round(got.took)} ms`)
})
