import { createHash } from 'node:crypto'
import type { ServerHttp2Stream } from 'node:http2'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { readAnswer, request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { h2Daemon, reply, startH2Upstream } from '../support/h2-upstream.js'
import { blocks, digestOf, upload } from '../support/upload.js'

const SIZE = 16 * 1_048_576

/** Sends that body, as fast as it is taken. @returns the bytes taken so far */
function send(stream: ServerHttp2Stream, bytes: number): () => number {
  const source = blocks(bytes)
  let sent = 0
  const more = () => {
    for (let next = source.next(); !next.done; next = source.next()) {
      sent += next.value.length
      if (!stream.write(next.value)) return void stream.once('drain', more)
    }
    stream.end()
  }
  more()
  return () => sent
}

async function digested(stream: ServerHttp2Stream): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

t.test('16 MiB go up intact, with a length and without', async t => {
  const upstream = await startH2Upstream(t, (stream, { headers }) => {
    void digested(stream).then(digest => reply(stream, `${headers['content-length']} ${digest}`))
  })
  const daemon = await h2Daemon(t)
  for (const framing of ['length', 'chunked'] as const) {
    const { status, text } = await upload(daemon.port, `${upstream.url}/`, SIZE, { framing })
    t.equal(status, 200)
    t.equal(text, `${framing === 'length' ? SIZE : undefined} ${digestOf(SIZE)}`)
  }
  t.equal(daemon.daemon.holds().bodyMemory, 0)
})

t.test('L4: an upstream that reads slowly holds its client back', async t => {
  let stream: ServerHttp2Stream | undefined
  const upstream = await startH2Upstream(t, opened => {
    stream = opened
    stream.respond({ ':status': 200 })
  })
  const daemon = await h2Daemon(t)
  let given = 0
  const uploaded = upload(daemon.port, `${upstream.url}/`, 4 * SIZE, { framing: 'length', onBlock: () => given++ })
  await until(() => stream !== undefined)
  let before = -1
  // Nobody says when a sender has come to rest: nothing new for a while.
  while (given !== before) {
    before = given
    await new Promise(resolve => setTimeout(resolve, 150))
  }
  t.ok(given * 65_536 < 2 * SIZE, `${given} blocks of 64 KiB were taken`)
  const digest = stream && digested(stream)
  t.equal(await digest, digestOf(4 * SIZE))
  stream?.end('done')
  t.equal((await uploaded).text, 'done')
})

t.test('16 MiB come down intact, with a length and without', async t => {
  const upstream = await startH2Upstream(t, (stream, { path }) => {
    stream.respond({ ':status': 200, ...(path === '/length' ? { 'content-length': SIZE } : {}) })
    send(stream, SIZE)
  })
  const daemon = await h2Daemon(t)
  for (const path of ['/length', '/none']) {
    const { body, broken } = await request(daemon.port, `${upstream.url}${path}`)
    t.equal(broken, false)
    t.equal(createHash('sha256').update(body).digest('hex'), digestOf(SIZE), path)
  }
})

/** Asks, and reads nothing. */
function ask(port: number, url: string): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.pause()
  socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  return socket
}

async function bodyOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  return bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)
}

t.test('L11: a client that reads slowly holds its upstream back, and nobody else', async t => {
  const sent: (() => number)[] = []
  const upstream = await startH2Upstream(t, (stream, { path }) => {
    if (path === '/small') return reply(stream, 'small')
    stream.respond({ ':status': 200, 'content-length': 4 * SIZE })
    sent.push(send(stream, 4 * SIZE))
  })
  const daemon = await h2Daemon(t)
  const slow = Array.from({ length: 4 }, () => ask(daemon.port, upstream.url))
  await until(() => sent.length === 4)
  let before = -1
  const total = () => sent.reduce((sum, taken) => sum + taken(), 0)
  while (total() !== before) {
    before = total()
    await new Promise(resolve => setTimeout(resolve, 150))
  }
  // The windows of four streams, and what the kernel keeps between all parties.
  t.ok(total() < 4 * SIZE, `${total()} bytes were taken of ${16 * SIZE}`)
  t.equal((await request(daemon.port, `${upstream.url}/small`)).text, 'small')
  t.equal(upstream.connections(), 1)
  for (const socket of slow) {
    const body = await bodyOf(socket)
    t.equal(createHash('sha256').update(body).digest('hex'), digestOf(4 * SIZE))
  }
})

t.test('RFC 9113 §8.1: an answer before the end of the upload is a complete answer', async t => {
  for (const reset of [true, false]) {
    const upstream = await startH2Upstream(t, stream => {
      stream.respond({ ':status': 413 })
      stream.end('too large')
      if (reset) stream.close(0)
    })
    const daemon = await h2Daemon(t)
    const socket = connect(daemon.port, '127.0.0.1')
    // What the daemon has not read when it ends the connection comes back as a reset.
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
    socket.write(`POST ${upstream.url} HTTP/1.1\r\nHost: x\r\nContent-Length: ${SIZE}\r\n\r\n`)
    socket.write(Buffer.alloc(100_000))
    const got = await readAnswer(socket, 'POST')
    t.same([got.status, got.text], [413, 'too large'])
    const [record] = await daemon.logged(1)
    t.equal(record?.attempts.length, 1)
    t.equal(record?.end, undefined)
    t.equal((await request(daemon.port, upstream.url)).status, 413, 'the connection goes on')
    t.equal(upstream.connections(), 1)
  }
})
