import { connect, createServer } from 'node:net'
import t from 'tap'
import { readAnswer, request, requestBytes } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { startTestDaemon } from '../support/daemon.js'
import { freePort } from '../support/tunnel.js'
import { answer, startUpstream } from '../support/upstream.js'

const BODY = Buffer.alloc(40_000_000, 'L4')
/** More than two kernels' socket buffers hold between a writer and a reader that does not read. */
const BUFFERS = 15_000_000

const yaml = `
routes:
  - name: once
    match: { host: "*", path: /fence }
    retry: off
    breaker: off
  - name: all
    match: { host: "*" }
    retry: { attempts: 20, backoff: { base: 40ms, cap: 40ms }, budget: { ratio: 1, min_per_second: 1000 } }
    breaker: off
    body: { memory: 64KiB, spill: 0B }
`

t.test('L4: a connection refused is repeated at any size of body, and the client was not read before', async t => {
  const daemon = await startTestDaemon(yaml)
  t.teardown(daemon.close)
  const port = await freePort()
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const answered = readAnswer(socket, 'POST')
  socket.write(requestBytes(`http://127.0.0.1:${port}/items`, { method: 'POST', body: BODY }))
  // A fence on the same port: what began before it has been refused when this has.
  const fence = await request(daemon.port, `http://127.0.0.1:${port}/fence`)
  t.equal(problemOf(fence)['code'], 'connect_failed')
  t.ok(socket.writableLength > BODY.length - BUFFERS, `${socket.writableLength} bytes are still with the client`)
  t.equal(daemon.daemon.holds().bodyMemory, 0)

  let taken = 0
  const server = createServer(upstream => {
    let head = ''
    upstream.on('data', chunk => {
      const start = taken === 0 && head === '' ? chunk.indexOf('\r\n\r\n') + 4 : 0
      if (start > 0) head = chunk.toString('latin1', 0, start)
      taken += chunk.length - start
      if (taken === BODY.length) upstream.write(answer(201, 'created', 'Connection: close'))
    })
  }).listen(port, '127.0.0.1')
  t.teardown(() => new Promise(resolve => server.close(resolve)))
  const got = await answered
  t.equal(got.status, 201, 'the body of 40 MB is far beyond what may be kept, and goes through')
  t.equal(taken, BODY.length)
  const record = (await daemon.logged(2)).find(({ method }) => method === 'POST')
  t.ok((record?.attempts.length ?? 0) > 1)
  t.equal(record?.attempts[0]?.why, 'never-sent')
  socket.destroy()
})

t.test('L4: a POST that never connects says that it was not sent', async t => {
  const daemon = await startTestDaemon(yaml.replace('attempts: 20', 'attempts: 3'))
  t.teardown(daemon.close)
  const port = await freePort()
  const got = await request(daemon.port, `http://127.0.0.1:${port}/items`, { method: 'POST', body: 'x' })
  t.equal(got.status, 502)
  t.match(problemOf(got), { code: 'connect_failed', outcome: 'not-sent' })
  t.equal(got.header('x-should-retry'), undefined, 'the client may well repeat it')
  t.equal((await daemon.logged(1))[0]?.attempts.length, 3)
})

t.test('R1: a handshake that fails before a byte of the request is repeated for a POST', async t => {
  let dials = 0
  const upstream = await startUpstream(() => answer(200), {
    onConnection: socket => void (++dials && socket.destroy()),
  })
  const daemon = await startTestDaemon(yaml.replace('attempts: 20', 'attempts: 3'))
  t.teardown(async () => {
    await upstream.close()
    await daemon.close()
  })
  const got = await request(daemon.port, `https://127.0.0.1:${upstream.port}/x`, { method: 'POST', body: 'x' })
  t.match(problemOf(got), { code: 'tls_failed', outcome: 'not-sent' })
  t.equal(dials, 3)
})
