import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { readAnswer, requestBytes } from '../support/client.js'
import { oneRoute, type Scene, scene } from '../support/scene.js'
import { answer, type Script, type UpstreamOptions } from '../support/upstream.js'

const echo: Script = ({ method, path, body }) => answer(200, `${method} ${path} ${body.toString()}`)

const fastScene = (t: Parameters<typeof scene>[0], script: Script = echo, options?: UpstreamOptions): Promise<Scene> =>
  scene(
    t,
    script,
    `listen: { fast_lane: true }\n${oneRoute('breaker: off', 'retry: { attempts: 2, backoff: { base: 1ms, cap: 2ms } }')}`,
    options,
  )

function open(t: Parameters<typeof scene>[0], { daemon }: Scene): Socket {
  const socket = connect(daemon.port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  return socket
}

/** Everything that comes until all of `texts` were in it. */
async function readAll(socket: Socket, texts: readonly string[]): Promise<string> {
  let got = ''
  socket.on('data', chunk => {
    got += chunk.toString('latin1')
  })
  while (!texts.every(text => got.includes(text))) await once(socket, 'data')
  return got
}

t.test('a method that nobody has registered passes, and is not repeated', async t => {
  const set = await fastScene(t, ({ method }) => answer(method === 'FROB' ? 503 : 200, 'no'))
  const socket = open(t, set)
  const answered = readAnswer(socket)
  socket.write(requestBytes(set.url, { method: 'FROB', body: 'x' }))
  t.equal((await answered).status, 503)
  t.strictSame(
    set.upstream.seen.map(({ method, body }) => `${method} ${body}`),
    ['FROB x'],
  )
})

t.test(
  'requests of the plain form and others come on one connection in any order, each answered in its turn',
  async t => {
    const set = await fastScene(t)
    const url = (n: number) => `${set.upstream.url}/${n}`
    const chunked = `POST ${url(3)} HTTP/1.1\r\nHost: ${set.upstream.authority}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
    const parts = [
      requestBytes(url(1)),
      requestBytes(url(2), { method: 'PUT', body: 'two' }),
      chunked,
      requestBytes(url(4)),
    ]
    const whole = Buffer.concat(parts.map(part => Buffer.from(part)))
    const wanted = ['GET /1 ', 'PUT /2 two', 'POST /3 abc', 'GET /4 ']
    for (const size of [whole.length, 1, 7, 64, 150]) {
      const socket = open(t, set)
      socket.setNoDelay(true)
      const read = readAll(socket, wanted)
      for (let at = 0; at < whole.length; at += size) {
        socket.write(whole.subarray(at, at + size))
        await new Promise(setImmediate)
      }
      const bodies = (await read).match(/(?:GET|PUT|POST) \/\d [a-z]*/g)
      t.strictSame(bodies, wanted, `in pieces of ${size}`)
      t.equal(socket.destroyed, false)
    }
    t.equal(set.upstream.seen.length, 5 * wanted.length)
  },
)

t.test('an upgrade and a CONNECT behind a common request are served like any other', async t => {
  const set = await fastScene(t, ({ header }, socket) => {
    if (header('upgrade') === undefined) return answer(200, 'plain')
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.pipe(socket)
    return undefined
  })
  const upgrade = `GET ${set.url} HTTP/1.1\r\nHost: ${set.upstream.authority}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`
  const one = open(t, set)
  one.write(requestBytes(set.url))
  await readAll(one, ['plain'])
  one.write(upgrade)
  await readAll(one, [' 101 '])
  one.write('both ways')
  t.match(await readAll(one, ['both ways']), 'both ways')
  const other = open(t, set)
  other.write(requestBytes(set.url))
  await readAll(other, ['plain'])
  other.write(`CONNECT ${set.upstream.authority} HTTP/1.1\r\nHost: ${set.upstream.authority}\r\n\r\n`)
  await readAll(other, [' 200 '])
  other.write(`GET /inside HTTP/1.1\r\nHost: ${set.upstream.authority}\r\n\r\n`)
  t.match(await readAll(other, ['plain']), 'plain')
})

t.test('an answer before the end of the body leaves a connection that can be used again', async t => {
  const early: Script = ({ number }) => answer(number === 1 ? 413 : 200, 'early')
  const set = await fastScene(t, early, { early: true })
  const socket = open(t, set)
  const first = readAnswer(socket)
  socket.write(requestBytes(set.url, { method: 'POST', fields: ['Content-Length: 300000'] }))
  t.equal((await first).status, 413)
  const second = readAnswer(socket)
  socket.write(Buffer.concat([Buffer.alloc(300_000, 'x'), requestBytes(`${set.url}/again`)]))
  t.equal((await second).status, 200)
})

t.test('an answer that was held has a length, whatever its upstream said, and the connection lives on', async t => {
  const chunked = 'HTTP/1.1 503 Held\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
  const bodies: Record<string, string> = {
    'GET /held': '5\r\nlater\r\n0\r\n\r\n',
    'GET /empty': '0\r\n\r\n',
    'HEAD /held': '',
  }
  const asked = new Set<string>()
  // The first answer is held while it is tried again, and the second attempt ends without one.
  const set = await fastScene(t, ({ method, path }, socket) => {
    const what = `${method} ${path}`
    if (asked.delete(what)) return void socket.resetAndDestroy()
    asked.add(what)
    return chunked + bodies[what]
  })
  const socket = open(t, set)
  for (const [method, path, body, length] of [
    ['GET', '/held', 'later', '5'],
    ['GET', '/empty', '', '0'],
    ['HEAD', '/held', '', undefined],
    ['GET', '/held', 'later', '5'],
  ] as const) {
    const answered = readAnswer(socket, method)
    socket.write(requestBytes(`${set.upstream.url}${path}`, { method }))
    const got = await answered
    const framing = [got.header('content-length'), got.header('transfer-encoding')]
    t.strictSame([got.status, got.text, ...framing], [503, body, length, undefined], `${method} ${path}`)
  }
})

t.test('F7: an answer that its client reads slowly arrives whole although the daemon ends meanwhile', async t => {
  const size = 20_000_000
  const set = await fastScene(t, ({ path }) => answer(200, path === '/idle' ? '' : 'x'.repeat(size)))
  const idle = open(t, set)
  const served = readAnswer(idle)
  idle.write(requestBytes(`${set.upstream.url}/idle`))
  await served
  const socket = open(t, set)
  socket.write(requestBytes(set.url, { fields: ['Connection: close'] }))
  await once(socket, 'readable')
  const ending = set.daemon.close()
  // Now connections that nobody uses are closed, and whatever else is taken for one.
  await once(idle, 'close')
  let got = 0
  socket.on('data', chunk => {
    got += chunk.length
  })
  await once(socket, 'close')
  await ending
  t.ok(got > size, `${got} bytes`)
})

t.test('an offer of HTTP/2 behind a request that is still answered is passed over in its turn', async t => {
  const set = await fastScene(t)
  const socket = open(t, set)
  const offer = `GET ${set.upstream.url}/2 HTTP/1.1\r\nHost: ${set.upstream.authority}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n`
  const chunked = `POST ${set.upstream.url}/1 HTTP/1.1\r\nHost: ${set.upstream.authority}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
  socket.write(chunked + offer + requestBytes(`${set.upstream.url}/3`))
  t.match(await readAll(socket, ['POST /1', 'GET /2', 'GET /3']), /POST \/1.*GET \/2.*GET \/3/s)
})

t.test('what a refused request has behind it is not looked at', async t => {
  const set = await fastScene(t)
  const socket = open(t, set)
  const closed = once(socket, 'close')
  const host = `Host: ${set.upstream.authority}\r\n`
  socket.write(`GET ${set.url} HTTP/1.1\r\n${host}${host}\r\n${requestBytes(set.url)}`)
  t.match(await readAll(socket, ['bad_request']), /^HTTP\/1\.1 400 /)
  await closed
  t.equal(set.upstream.seen.length, 0)
})

t.test('a client that leaves takes its request along, one that sends half a body too', async t => {
  let gone = () => {}
  const left = new Promise<void>(resolve => {
    gone = resolve
  })
  const set = await fastScene(
    t,
    (_, socket) => {
      socket.on('close', gone)
      return undefined
    },
    { early: true },
  )
  const socket = open(t, set)
  socket.write(requestBytes(set.url, { method: 'PUT', fields: ['Content-Length: 10'] }))
  socket.write('half')
  while (set.upstream.seen.length === 0) await new Promise(setImmediate)
  socket.destroy()
  await left
  t.match((await set.daemon.logged(1))[0], { end: 'client-gone' })
})
