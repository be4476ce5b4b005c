import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { type Answer, rawExchange, readAnswer, request } from '../support/client.js'
import { h2Config, h2Daemon, reply, startH2Upstream } from '../support/h2-upstream.js'
import { certificate, daemonFor, leadTo, serve } from '../support/next-hop.js'
import { answer, startUpstream } from '../support/upstream.js'

/** Field lines of an answer's head, without the status line. */
const linesOf = ({ head }: Answer): string[] => head.split('\r\n').slice(1)

t.test('F5: an https upstream that chooses HTTP/2 is asked in HTTP/2', async t => {
  const upstream = await startH2Upstream(t, (stream, { path }) => reply(stream, `h2 ${path}`))
  const daemon = await h2Daemon(t)
  const fields = ['X-Case: 1', 'Cookie: a=1', 'X-Two: 1', 'Cookie: b=2', 'x-two: 2', 'Connection: X-Gone', 'X-Gone: 1']
  const got = await request(daemon.port, `${upstream.url}/a?b`, { fields })
  t.equal(got.status, 200)
  t.equal(got.text, 'h2 /a?b')
  const via = linesOf(got).find(line => line.startsWith('Via:'))
  t.same(upstream.seen[0]?.raw, [
    ...[':method', 'GET', ':scheme', 'https', ':authority', `localhost:${upstream.port}`, ':path', '/a?b'],
    ...[
      'x-case',
      '1',
      'cookie',
      'a=1',
      'cookie',
      'b=2',
      'x-two',
      '1',
      'x-two',
      '2',
      'via',
      via?.replace('Via: 2.0', '1.1'),
    ],
  ])
  t.equal(daemon.daemon.holds().upstreamConnections, 1)
})

t.test('F2: the fields of an answer come in order, with repeats and any octet', async t => {
  const upstream = await startH2Upstream(t, stream => {
    stream.respond({ ':status': 203, 'x-a': 'caf\xe9', 'set-cookie': ['a=1', 'b=2'], 'x-b': ['2', '1'] })
    stream.end('x')
  })
  const daemon = await h2Daemon(t)
  const got = await request(daemon.port, upstream.url)
  t.match(got.head, /^HTTP\/1\.1 203 Non-Authoritative Information\r\n/)
  t.same(linesOf(got).slice(0, 5), ['x-a: caf\xe9', 'set-cookie: a=1', 'set-cookie: b=2', 'x-b: 2', 'x-b: 1'])
  t.match(got.head, /\r\nTransfer-Encoding: chunked/i)
  t.equal(got.text, 'x')
})

t.test('RFC 9110 §5.3: two lines of a field that is no list go out as one', async t => {
  const upstream = await startH2Upstream(t, stream => reply(stream, ''))
  const daemon = await h2Daemon(t)
  const fields = ['If-None-Match: "a"', 'Cookie: a=1', 'If-None-Match: "b"', 'Cookie: b=2']
  const got = await request(daemon.port, upstream.url, { fields })
  t.equal(got.status, 200)
  t.equal(upstream.seen[0]?.headers['if-none-match'], '"a", "b"')
  t.equal(upstream.seen[0]?.headers.cookie, 'a=1; b=2')
})

t.test('an upstream that chooses HTTP/1.1, or does not choose, gets that', async t => {
  const script = () => answer(200, 'h1')
  for (const tls of [{ ...certificate, ALPNProtocols: ['http/1.1'] }, certificate]) {
    const upstream = await startUpstream(script, { tls })
    t.teardown(() => upstream.close())
    const daemon = await h2Daemon(t)
    for (const path of ['/1', '/2']) t.equal((await request(daemon.port, `${upstream.url}${path}`)).text, 'h1')
    t.equal(upstream.connections(), 1, 'and its connection is used again')
    t.match(upstream.seen[0]?.head, /^GET \/1 HTTP\/1\.1\r\n/)
  }
})

t.test('`egress.h2: false` asks for HTTP/1.1, and from a reload on', async t => {
  const upstream = await startH2Upstream(t, stream => reply(stream, 'x'), { allowHTTP1: true })
  const versions: string[] = []
  const daemon = await daemonFor(t, h2Config(t, [], ', h2: false'))
  upstream.onHttp1((_, answer) => {
    versions.push('1.1')
    answer.end('h1')
  })
  t.equal((await request(daemon.port, upstream.url)).text, 'h1')
  await daemon.reload(h2Config(t))
  t.equal((await request(daemon.port, upstream.url)).text, 'x', 'nothing goes over what was idle before')
  const other = await h2Daemon(t)
  t.equal((await request(other.port, upstream.url)).text, 'x')
  await other.reload(h2Config(t, [], ', h2: false'))
  t.equal((await request(other.port, upstream.url)).text, 'h1')
  t.equal(versions.length, 2)
})

t.test('RFC 9113 §8.6: an upgrade goes over HTTP/1.1', async t => {
  const upstream = await startH2Upstream(t, stream => reply(stream, 'x'), { allowHTTP1: true })
  upstream.onUpgrade(socket =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhi'),
  )
  const daemon = await h2Daemon(t)
  t.equal((await request(daemon.port, upstream.url)).text, 'x')
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const head = `GET ${upstream.url}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`
  socket.write(head)
  const got = await readAnswer(socket)
  t.equal(got.status, 101)
  t.equal(upstream.connections(), 1, 'one HTTP/2 connection, for the first request')
})

t.test('HEAD, 204, 304 and an empty 200 have no body and leave the connection in use', async t => {
  const upstream = await startH2Upstream(t, (stream, { path }) => {
    const status = Number(path.slice(1))
    stream.respond({ ':status': status, ...(status === 204 ? {} : { 'content-length': 7 }) }, { endStream: true })
  })
  const daemon = await h2Daemon(t)
  const head = await request(daemon.port, `${upstream.url}/200`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.header('content-length'), '7')
  t.equal(head.body.length, 0)
  for (const status of [204, 304]) {
    const got = await request(daemon.port, `${upstream.url}/${status}`)
    t.equal(got.status, status)
    t.equal(got.body.length, 0)
  }
  t.equal(upstream.connections(), 1)

  const empty = await startH2Upstream(t, stream => stream.respond({ ':status': 200 }, { endStream: true }))
  const got = await request(daemon.port, empty.url)
  t.same([got.status, got.text, got.broken], [200, '', false])
})

t.test('FP-13: trailers pass in both directions, and are announced where they were', async t => {
  const upstream = await startH2Upstream(t, (stream, { headers }) => {
    stream.respond({ ':status': 200, trailer: 'X-Sum' }, { waitForTrailers: true })
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-sum': 'down', 'x-list': ['1', '2'], 'proxy-authenticate': 'Basic' }),
    )
    stream.on('trailers', (trailers: Record<string, string>) =>
      stream.end(`${headers['te']} ${headers['trailer']} ${trailers['x-sum']}`),
    )
    stream.resume()
  })
  const daemon = await h2Daemon(t)
  const lines = ['Host: x', 'TE: trailers', 'Connection: TE, close', 'Trailer: X-Sum', 'Transfer-Encoding: chunked']
  const body = '3\r\nabc\r\n0\r\nX-Sum: up\r\n\r\n'
  const got = await rawExchange(daemon.port, `POST ${upstream.url}/ HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  t.match(got, /\r\ntrailer: X-Sum\r\n/)
  t.match(got, /trailers X-Sum up/)
  t.match(got, /\r\n0\r\nx-sum: down\r\nx-list: 1\r\nx-list: 2\r\n\r\n$/)
})

t.test('rfc9110-6.5.1: instead of a trailer that belongs in the head the upstream gets a reset', async t => {
  let ended: (how: string) => void = () => undefined
  const end = new Promise<string>(resolve => (ended = resolve))
  const upstream = await startH2Upstream(t, stream => {
    stream.on('aborted', () => ended('aborted'))
    stream.on('trailers', () => ended('trailers'))
    stream.on('end', () => setImmediate(ended, 'end'))
    stream.resume()
  })
  const daemon = await h2Daemon(t)
  const body = '3\r\nabc\r\n0\r\nX-Sum: up\r\nHost: evil\r\n\r\n'
  const lines = ['Host: x', 'Transfer-Encoding: chunked']
  const got = await rawExchange(daemon.port, `POST ${upstream.url}/ HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  t.match(got, /^HTTP\/1\.1 400 /)
  t.equal(await end, 'aborted')
})

t.test('L12: 103 reaches the client before its answer', async t => {
  const upstream = await startH2Upstream(t, stream => {
    stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' })
    reply(stream, 'x')
  })
  const daemon = await h2Daemon(t)
  const got = await rawExchange(daemon.port, `GET ${upstream.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  t.match(got, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>; rel=preload\r\n[\s\S]*?\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
})

t.test('L6: 100-continue is asked of the upstream, and the body follows its word', async t => {
  const order: string[] = []
  const upstream = await startH2Upstream(t, (stream, { headers }) => {
    order.push(`expect ${headers.expect}`)
    stream.additionalHeaders({ ':status': 100 })
    stream.on('data', (chunk: Buffer) => order.push(`body ${chunk}`))
    stream.on('end', () => reply(stream, 'done'))
  })
  const daemon = await h2Daemon(t)
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`POST ${upstream.url}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`)
  const [first] = (await once(socket, 'data')) as [Buffer]
  t.match(String(first), /^HTTP\/1\.1 100 /)
  const got = readAnswer(socket, 'POST')
  socket.write('abc')
  t.equal((await got).text, 'done')
  t.same(order, ['expect 100-continue', 'body abc'])
})

t.test('R5: 503 with Retry-After, then 200: a retry goes over the same connection', async t => {
  const upstream = await startH2Upstream(t, (stream, { number }) => {
    if (number === 1) reply(stream, 'later', { ':status': 503, 'retry-after': 0 })
    else reply(stream, 'now')
  })
  const daemon = await h2Daemon(t)
  const got = await request(daemon.port, upstream.url, { method: 'POST', body: 'x' })
  t.same([got.status, got.text], [200, 'now'])
  t.match(got.header('proxy-status'), /received-status=503; details="attempts=2/)
  t.equal(upstream.connections(), 1)
})

t.test('RFC 9110 §15.5.20: 421 is asked again on a new connection', async t => {
  const upstream = await startH2Upstream(t, (stream, { connection }) => {
    if (connection === 1) reply(stream, 'not here', { ':status': 421 })
    else reply(stream, 'here')
  })
  const daemon = await h2Daemon(t)
  const got = await request(daemon.port, upstream.url, { method: 'POST', body: 'x' })
  t.same([got.status, got.text], [200, 'here'])
  t.equal(upstream.connections(), 2)
})

t.test('R8: a cooldown is shared over HTTP/2', async t => {
  const upstream = await startH2Upstream(t, (stream, { number }) => {
    if (number === 1) reply(stream, '', { ':status': 429, 'retry-after': 1 })
    else reply(stream, 'x')
  })
  const daemon = await h2Daemon(t)
  const first = request(daemon.port, upstream.url)
  while (upstream.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
  const got = await Promise.all([first, request(daemon.port, upstream.url)])
  t.ok(got.every(({ status }) => status === 200))
  t.equal(upstream.connections(), 1)
})

t.test('FP-29: HTTP/2 is spoken through a next hop, and a former way is not used again', async t => {
  const upstream = await startH2Upstream(t, stream => reply(stream, 'x'))
  const hop = await serve(t, (_, socket) => leadTo(socket, upstream.port))
  const through = h2Config(t, [], `, proxy: "${hop.url}"`)
  const daemon = await daemonFor(t, through)
  const ask = async () => t.equal((await request(daemon.port, upstream.url)).text, 'x')
  await ask()
  await ask()
  t.match(hop.seen[0]?.head, new RegExp(`^CONNECT localhost:${upstream.port} `))
  t.same([hop.connections(), upstream.connections()], [1, 1])
  await daemon.reload(h2Config(t))
  await ask()
  t.same([hop.connections(), upstream.connections()], [1, 2])
  await daemon.reload(through)
  await ask()
  t.same([hop.connections(), upstream.connections()], [2, 3])
  t.ok(upstream.seen.every(({ headers }) => headers[':method'] === 'GET'))
})
