import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { rawExchange } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { oneRoute, scene } from '../support/scene.js'
import { shortDir } from '../support/short-dir.js'
import { undisturbed } from '../support/undisturbed.js'
import { startUpstream } from '../support/upstream.js'

const get = (url: string) => `GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`
const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

function open(port: number, url: string): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(get(url))
  return socket
}

/** Whatever the reason. */
const closed = (socket: Socket) => new Promise(resolve => socket.once('close', resolve))
const turn = () => new Promise(resolve => setImmediate(resolve))

test('L11: the head of an event stream goes out at once, and each event before the next is made', async t => {
  let stream: Socket | undefined
  const { daemon, url } = await scene(t, (_, socket) => {
    stream = socket
    socket.write(EVENTS)
  })
  const client = open(daemon.port, url)
  const [head] = (await once(client, 'data')) as [Buffer]
  t.match(String(head), /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\n/)
  for (const event of ['data: 1\n\n', ': ping\n\n', `data: ${'x'.repeat(5_000)}\n\n`, 'data: end\n\n']) {
    stream?.write(`${event.length.toString(16)}\r\n${event}\r\n`)
    let text = ''
    while (!text.includes('\n\n')) text += String((await once(client, 'data'))[0])
    t.ok(text.includes(event), event.slice(0, 20))
  }
  client.destroy()
})

test('L11: a body without a length arrives piece by piece, in both directions', async t => {
  let upstream: Socket | undefined
  const { daemon, url } = await scene(
    t,
    (_, socket) => {
      upstream = socket
    },
    undefined,
    { early: true },
  )
  const client = connect(daemon.port, '127.0.0.1')
  client.write(`POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`)
  while (upstream === undefined) await turn()
  for (const piece of ['one', 'two']) {
    client.write(`3\r\n${piece}\r\n`)
    let text = ''
    while (!text.includes(piece)) text += String((await once(upstream, 'data'))[0])
    t.equal(text, `3\r\n${piece}\r\n`)
  }
  upstream.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nend\r\n')
  let answered = ''
  while (!answered.includes('end')) answered += String((await once(client, 'data'))[0])
  t.match(answered, /^HTTP\/1\.1 200 OK/, 'the answer does not wait for the end of the request')
  client.destroy()
})

for (const [name, request, body] of [
  ['in HTTP/1.0', (url: string) => `GET ${url} HTTP/1.0\r\nHost: x\r\n\r\n`, 'abc'],
  ['to HEAD', (url: string) => `HEAD ${url} HTTP/1.1\r\nHost: x\r\nConnection: TE, close\r\nTE: trailers\r\n\r\n`, ''],
] as const) {
  test(`RFC 9112 §7.1.2: an answer ${name}, behind which no trailers can come, announces none and is whole`, async t => {
    const { daemon, url } = await scene(t, () => {
      const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n'
      return body === '' ? head : `${head}3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n`
    })
    const text = await rawExchange(daemon.port, request(url))
    t.match(text, /^HTTP\/1\.1 200 OK\r\n/)
    t.notMatch(text, /trailer/i)
    t.equal(text.slice(text.indexOf('\r\n\r\n') + 4), body)
  })
}

for (const [name, head, piece] of [
  ['chunked', 'Transfer-Encoding: chunked', `10000\r\n${'x'.repeat(65_536)}\r\n`],
  ['sized', `Content-Length: ${1_024 * 65_536}`, 'x'.repeat(65_536)],
] as const) {
  test(`L11: a ${name} answer of 64 MB waits at the upstream while its client does not read`, async t => {
    let sender: Socket | undefined
    const { daemon, url } = await scene(t, (_, socket) => {
      sender = socket
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`)
      for (let i = 0; i < 1_024; i++) socket.write(piece)
    })
    const client = open(daemon.port, url)
    client.pause()
    while (sender === undefined) await turn()
    for (let still = 0, last = -1; still < 300; still = sender.writableLength === last ? still + 1 : 0) {
      last = sender.writableLength
      await turn()
    }
    t.ok(
      sender.writableLength > 40 * 1_048_576,
      `${Math.round(sender.writableLength / 1_048_576)} MB never left the upstream`,
    )
    const gone = closed(sender)
    client.destroy()
    await gone
    await daemon.logged(1)
    t.equal(daemon.daemon.holds().upstreamConnections, 0)
  })
}

test('L11: an upload of 64 MB waits at the client while the upstream does not read', async t => {
  let upstream: Socket | undefined
  const { daemon, url } = await scene(
    t,
    (_, socket) => {
      upstream = socket.pause()
    },
    oneRoute('body: { memory: 64KiB, spill: 128KiB }'),
    { early: true },
  )
  const client = connect(daemon.port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write(`PUT ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: ${1_024 * 65_536}\r\n\r\n`)
  const chunk = Buffer.alloc(65_536, 'x')
  while (upstream === undefined) await turn()
  // One at a time, until the kernels and the daemon take no more: a chunk in progress is never done.
  let taken = 0
  for (let still = 0, wrote = true; still < 300 && taken < 1_024; still = wrote ? 0 : still + 1) {
    if (wrote) client.write(chunk, () => (wrote = true))
    wrote = false
    await turn()
    if (wrote) taken++
  }
  t.ok(taken < 512, `${taken} of 1,024 chunks left the client`)
  t.equal(daemon.daemon.holds().bodyMemory, 0, 'what cannot be kept is not kept')
  const gone = closed(upstream.resume())
  client.destroy()
  await gone
  t.equal((await daemon.logged(1))[0]?.end, 'client-gone')
})

test('L9: a client that leaves ends its upstream within 50 ms, wherever the exchange is', async t => {
  const rows: [name: string, said: string][] = [
    ['before the head', ''],
    ['after the head', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'],
    ['within a sized body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab'],
    ['within a chunked body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
    ['within an event stream', `${EVENTS}9\r\ndata: 1\n\n\r\n`],
  ]
  let said = ''
  let reached: (socket: Socket) => void = () => undefined
  const { daemon, url } = await scene(t, (_, socket) => {
    socket.write(said)
    reached(socket)
  })
  let clients = 0
  const leave = async (text: string, how: 'destroy' | 'resetAndDestroy') => {
    said = text
    const reaching = new Promise<Socket>(resolve => (reached = resolve))
    const client = open(daemon.port, url)
    clients++
    const upstream = await reaching
    if (text !== '') await once(client, 'data')
    const gone = closed(upstream)
    const from = performance.now()
    client[how]()
    await gone
    return performance.now() - from
  }
  for (const [name, text] of rows) {
    for (const how of ['destroy', 'resetAndDestroy'] as const) {
      const took = await undisturbed(() => leave(text, how), 40)
      t.ok(took < 50, `${name}, ${how}: ${took.toFixed(1)} ms`)
    }
  }
  const ends = (await daemon.logged(clients)).map(({ end }) => end)
  t.same(new Set(ends), new Set(['client-gone']))
  t.match(daemon.daemon.holds(), { clients: 0, upstreamConnections: 0 })
})

test('L8: an answer that breaks off is seen to break off, and lets go of its client, on every kind of socket', async t => {
  const path = join(shortDir(t), 'mulligan.sock')
  let sender: Socket | undefined
  const upstream = await startUpstream((_, socket) => {
    sender = socket
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
  })
  const rows: [name: string, listen: string, halfClosed: boolean][] = [
    ['TCP', '127.0.0.1:0', false],
    ['TCP, the client sends no more', '127.0.0.1:0', true],
    ['a unix socket', `unix:${path}`, false],
  ]
  t.teardown(() => upstream.close())
  for (const [name, listen, halfClosed] of rows) {
    const daemon = await startTestDaemon(undefined, listen)
    const to = listen.startsWith('unix:') ? { path } : { port: daemon.port, host: '127.0.0.1' }
    const client = connect({ ...to, allowHalfOpen: true })
    client.on('error', () => undefined)
    client.write(get(`${upstream.url}/`))
    let text = ''
    client.on('data', chunk => (text += String(chunk)))
    while (!text.includes('hello')) await once(client, 'data')
    const gone = closed(client)
    if (halfClosed) client.end()
    sender?.resetAndDestroy()
    if (!halfClosed) client.once('end', () => client.end())
    await gone
    t.notMatch(text, /\r\n0\r\n\r\n$/, name)
    t.equal((await daemon.logged(1))[0]?.status, 200, name)
    await daemon.close()
  }
})

test('F2: a head that goes out before its body keeps its octets', async t => {
  const { url, daemon } = await scene(t, (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 1\r\n\r\n', 'latin1')
    return undefined
  })
  const [bytes] = (await once(open(daemon.port, url), 'data')) as [Buffer]
  t.match(bytes.toString('latin1'), /\r\nX-Name: caf\xe9\r\n/)
})
