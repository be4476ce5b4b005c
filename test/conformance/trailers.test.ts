import { once } from 'node:events'
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { startTestDaemon } from '../support/daemon.js'
import { asked, get } from '../support/h2-frame-client.js'
import { data, headers } from '../support/h2-frames.js'
import { frames } from '../support/http2-client.js'
import { interceptedScene } from '../support/intercepted.js'
import { oneRoute } from '../support/scene.js'
import { startRawServer } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

const HEAD = 'Host: UP\r\nTransfer-Encoding: chunked\r\n\r\n'
const HELLO = '5\r\nhello\r\n'
const MISPLACED = '0\r\nHost: evil.test\r\n\r\n'

/** A client that has sent half of a request, and an upstream that has it and has said `reply`. */
async function halfSent(t: Test, reply: string, yaml = oneRoute()) {
  let raw = ''
  let arrived: () => void = () => undefined
  const there = new Promise<void>(resolve => (arrived = resolve))
  const upstream = await startRawServer(t, socket => {
    socket.on('data', chunk => {
      raw += chunk.toString('latin1')
      if (!raw.endsWith(HELLO)) return
      socket.write(reply)
      arrived()
    })
    socket.on('end', () => socket.end())
  })
  const daemon = await startTestDaemon(yaml)
  t.teardown(() => daemon.close())
  const client = connect(daemon.port, '127.0.0.1')
  let received = ''
  let code = ''
  client.on('data', chunk => (received += chunk.toString('latin1')))
  client.on('error', error => (code = (error as NodeJS.ErrnoException).code ?? ''))
  const gone = new Promise(resolve => client.once('close', resolve))
  client.write(`POST http://${upstream.authority}/ HTTP/1.1\r\n${HEAD}${HELLO}`)
  await there
  const socket = await upstream.accepted()
  const cut = new Promise(resolve => (socket.destroyed ? resolve(true) : socket.once('close', resolve)))
  return { daemon, client, gone, cut, raw: () => raw, received: () => received, code: () => code }
}

test('rfc9110-6.5.1: a request with a trailer that belongs in its head never ends at the upstream', async t => {
  const half = await halfSent(t, '')
  half.client.write(MISPLACED)
  await Promise.all([half.gone, half.cut])
  t.match(half.raw(), /hello\r\n$/, 'its last chunk was not passed on')
  t.match(half.received(), /^HTTP\/1\.1 400 [\s\S]*Host in a trailer[\s\S]*"outcome":"unknown"/)
  t.match(half.received(), /\r\nConnection: close\r\n/)
  t.match(await half.daemon.logged(1), [{ status: 400, attempts: { length: 1 } }], 'nor was it sent again')
})

test('rfc9110-6.5.1: behind the head of its answer, both sides see a cut', async t => {
  const half = await halfSent(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n')
  while (!half.received().includes('early')) await once(half.client, 'data')
  half.client.write(MISPLACED)
  await Promise.all([half.gone, half.cut])
  t.notMatch(half.raw(), /\r\n0\r\n/)
  t.notMatch(half.received(), /\r\n0\r\n/)
  t.equal(half.code(), 'ECONNRESET')
})

test('rfc9110-6.5.1: a request that waits for its next attempt gets none', async t => {
  const half = await halfSent(t, answer(429, '', 'Retry-After: 2'), oneRoute('cooldown: off'))
  await half.cut
  half.client.write(MISPLACED)
  await half.gone
  t.match(half.received(), /^HTTP\/1\.1 400 /)
  t.match(await half.daemon.logged(1), [{ status: 400, attempts: [{ outcome: '429' }] }])
})

test('rfc9110-6.5.1: on HTTP/2 it ends its own stream; behind a known length nothing is passed on', async t => {
  let raw = ''
  const at = await interceptedScene(t, () => answer(200, 'clean'), undefined, {
    onConnection: socket => socket.on('data', chunk => (raw += chunk.toString('latin1'))),
  })
  const client = await frames(t, at)
  const trailers = (stream: number) => headers(stream, [['authorization', 'Bearer x']], true)
  client.send(headers(1, asked('POST', '/')), data(1, Buffer.from('hello')))
  while (!raw.includes('hello')) await new Promise(resolve => setImmediate(resolve))
  client.send(trailers(1))
  t.equal((await client.ended(1)).problem, 400)
  t.notMatch(raw, /\r\n0\r\n/)
  client.send(headers(3, asked('POST', '/', ['content-length', '5'])), data(3, Buffer.from('hello')), trailers(3))
  t.match(await client.ended(3), { body: 'clean' })
  client.send(get(5, '/behind'))
  t.match(await client.ended(5), { complete: true, body: 'clean' }, 'the connection goes on')
  t.equal(at.upstream.seen.length, 2)
  t.notMatch(raw, /authorization/i)
})
