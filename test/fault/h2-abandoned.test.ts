import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { millis } from '../../src/time/units.js'
import { readAnswer, request } from '../support/client.js'
import { ManualClock } from '../support/clock.js'
import { median, until } from '../support/crowd.js'
import { CODE, FLAG, type Frame, type FramePeer, okay, reset, startFrameServer, TYPE } from '../support/h2-frames.js'
import { ANY, begin, dialled, GET, listener, lonelyUpstream } from '../support/h2-line.js'
import { h2Daemon, startH2Upstream } from '../support/h2-upstream.js'
import { certificate } from '../support/next-hop.js'
import { undisturbed } from '../support/undisturbed.js'

const CANCEL = 8

t.test('L9: a client that leaves resets its stream within 50 ms, and its siblings go on', async t => {
  const upstream = await startH2Upstream(t, (stream, { path }) => {
    if (path === '/silent') return
    stream.respond({ ':status': 200 })
    stream.write('first ')
  })
  const daemon = await h2Daemon(t)
  const open = async (path: string, count: number) => {
    const socket = connect(daemon.port, '127.0.0.1')
    socket.write(`GET ${upstream.url}${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await until(() => upstream.seen.length === count)
    return socket
  }
  const sibling = await open('/sibling', 1)
  const answered = readAnswer(sibling)
  const times: number[] = []
  for (let i = 0; i < 20; i++) {
    const client = await open(i % 2 ? '/silent' : '/streaming', 2 + i)
    const stream = upstream.seen.at(-1)?.stream
    const left = performance.now()
    const closed = new Promise<void>(resolve => stream?.once('close', () => resolve()))
    client.destroy()
    await closed
    times.push(performance.now() - left)
    t.equal(stream?.rstCode, CANCEL)
  }
  t.ok(median(times) < 50, `${median(times).toFixed(1)} ms`)
  upstream.seen[0]?.stream.end('last')
  t.equal((await answered).text, 'first last')
  sibling.destroy()
  t.equal(upstream.connections(), 1)
  await until(() => daemon.daemon.holds().clients === 0)
})

/** A server that answers nothing, or what `early` says, when the first body bytes are here. */
async function startCollector(t: Test, early: (stream: number) => Buffer = () => Buffer.alloc(0)) {
  const onFrame = ({ type, stream }: Frame, peer: FramePeer) => {
    if (type === TYPE.data) peer.send(early(stream))
  }
  const server = await startFrameServer(t, { onFrame }, certificate)
  const daemon = await h2Daemon(t)
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`POST ${server.url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`)
  await until(() => server.connections() === 1)
  const peer = server.peer(1)
  await peer.next(({ type }) => type === TYPE.data)
  const ends = () => peer.frames.filter(({ type, flags }) => type === TYPE.data && (flags & FLAG.end) !== 0).length
  return { daemon, socket, peer, ends }
}

t.test('L8: part of an upload never looks like the whole of it, when the client leaves', async t => {
  const { daemon, socket, peer, ends } = await startCollector(t)
  socket.destroy()
  const { payload } = await peer.next(({ type }) => type === TYPE.reset)
  t.equal(payload.readUInt32BE(0), CANCEL)
  t.equal(ends(), 0)
  t.equal(peer.socket.destroyed, false, 'the connection goes on')
  const [record] = await daemon.logged(1)
  t.equal(record?.end, 'client-gone')
})

t.test('L8: nor when the answer comes before its end', async t => {
  const { socket, peer, ends } = await startCollector(t, id => okay(id, 'enough'))
  t.equal((await readAnswer(socket, 'POST')).text, 'enough')
  const { payload } = await peer.next(({ type }) => type === TYPE.reset)
  t.equal(payload.readUInt32BE(0), CANCEL)
  t.equal(ends(), 0)
})

t.test('RFC 9113 §8.1: an early answer is complete whatever code its stream is then reset with', async t => {
  for (const code of [CODE.none, CODE.cancel, CODE.closed, CODE.calm]) {
    const { socket } = await startCollector(t, id => Buffer.concat([okay(id, 'enough'), reset(id, code)]))
    const { text, broken } = await readAnswer(socket, 'POST')
    t.same([text, broken], ['enough', false], `code ${code}`)
  }
})

t.test('a connection on which nothing is heard any more is given up with the request that waited', async t => {
  const onFrame = ({ type, stream }: Frame, peer: FramePeer) => {
    // As if a router on the way had forgotten the first connection.
    if (type === TYPE.headers && (peer.number > 1 || stream === 1)) peer.send(okay(stream, `from ${peer.number}`))
  }
  const { server, texts } = await undisturbed(async () => {
    const server = await startFrameServer(t, { onFrame }, certificate)
    const daemon = await h2Daemon(t, 'timeout: { per_try: 1200ms }')
    const texts: string[] = []
    for (let i = 0; i < 3; i++) texts.push((await request(daemon.port, server.url)).text)
    return { server, texts }
  }, 400)
  t.same(texts, ['from 1', 'from 2', 'from 2'], 'the repeat does not try it again')
  t.equal(server.connections(), 2)
})

t.test('a request that is given up early says nothing about its connection', async t => {
  const server = await startH2Upstream(t, stream => stream.resume())
  const clock = new ManualClock()
  const upstream = lonelyUpstream(t, server.port, clock)
  const first = begin(await dialled(upstream, ANY, millis(5_000)), listener())
  await until(() => upstream.take(ANY) !== undefined)
  clock.advance(999)
  first.destroy()
  const second = upstream.take(ANY)
  t.ok(second)
  if (second) begin(second, listener(), GET)
  clock.advance(1_000)
  second?.destroy()
  t.equal(upstream.take(ANY), undefined)
})
