import type { Socket } from 'node:net'
import { test } from 'tap'
import { rawExchange, request } from '../support/client.js'
import { ClientLane } from '../support/client-lane.js'
import { QUICK } from '../support/daemon.js'
import { oneRoute, scene } from '../support/scene.js'
import { answer } from '../support/upstream.js'
import { MALFORMED_ANSWERS } from './vectors/answers-malformed.js'

const CALM = oneRoute('breaker: off', 'cooldown: off')
const NO_RETRY = 'routes: [{ name: all, match: { host: "*" }, retry: off, breaker: off }]'

/** Those that need no end of the connection and no limit other than the daemon's. */
const BAD = MALFORMED_ANSWERS.filter(([id, , , options]) => options === undefined && id !== 'rfc9110-15.2-50')

test('F09: a malformed answer is a 502 with its reason, and its socket is dead', async t => {
  let script = ''
  const closed: Promise<void>[] = []
  const { upstream, daemon } = await scene(
    t,
    (_, socket: Socket) => {
      closed.push(new Promise(resolve => socket.once('close', resolve)))
      socket.write(Buffer.from(script, 'latin1'))
    },
    NO_RETRY,
  )
  let heads = 0
  for (const [id, name, text] of BAD) {
    script = text
    const before = upstream.connections()
    const received = await Promise.race([rawExchange(daemon.port, closing(upstream.url)), stalled()])
    // Where the head was fine the client has it; then the transfer must not end cleanly.
    if (/^$|^HTTP\/1\.1 2/.test(received)) t.notMatch(received, /\r\n0\r\n\r\n$/, `${id} ${name} is cut`)
    else {
      heads++
      t.match(
        received,
        /^HTTP\/1\.1 502 [\s\S]*"code":"bad_upstream_answer"[\s\S]*"outcome":"unknown"/,
        `${id} ${name}`,
      )
    }
    await closed.at(-1)
    t.equal(upstream.connections(), before + 1, `${id} ${name} was given a socket of its own`)
  }
  t.ok(heads >= 20, `${heads} bad heads`)
  t.equal(daemon.daemon.holds().upstreamConnections, 0)
})

const closing = (url: string) => `GET ${url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
const stalled = () => new Promise<string>(resolve => setTimeout(() => resolve('no answer'), 60_000).unref())

test('F09: a malformed answer to a safe request is asked for again, and to a POST is not', async t => {
  const { upstream, daemon, url } = await scene(
    t,
    seen => (seen.number % 2 === 1 ? 'HTTP/1.1 2x0 OK\r\n\r\n' : answer(200, 'good')),
    CALM,
  )
  t.equal((await request(daemon.port, url)).text, 'good')
  t.equal(upstream.seen.length, 2)
  const post = await request(daemon.port, url, { method: 'POST', body: 'x' })
  t.equal(post.status, 502)
  t.match(post.text, /"code":"bad_upstream_answer".*"outcome":"unknown"/)
  t.equal(upstream.seen.length, 3)
})

test('F10: endless heads and floods of interim answers end in a 502', async t => {
  const rows: [string, string, RegExp][] = [
    [
      'a head over the limit',
      `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(20_000)}`,
      /error=http_response_header_section_size/,
    ],
    ['one endless field', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(100_000)}`, /error=http_response_header_section_size/],
    ['1,000 hints', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000)}`, /error=http_protocol_error/],
    ['1,000 times 100', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)}`, /error=http_protocol_error/],
    [
      'a 101 that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
      /error=http_protocol_error/,
    ],
  ]
  let script = ''
  const { daemon, url } = await scene(t, () => script, NO_RETRY)
  for (const [name, text, reason] of rows) {
    script = text
    const answered = await request(daemon.port, url)
    t.equal(answered.status, 502, name)
    t.match(answered.header('proxy-status'), reason, name)
  }
})

test('F15: bytes that nobody asked for condemn their socket, and no client ever gets the answer of another', async t => {
  let dropped = Promise.resolve()
  const { upstream, daemon, url } = await scene(
    t,
    (seen, socket) => {
      const own = answer(200, `${seen.path} ${'x'.repeat(seen.number % 50)}`)
      if (seen.number % 5 === 0) return `${own}${answer(200, 'in the same packet')}`
      if (seen.number % 7 !== 0) return own
      dropped = new Promise(resolve => socket.once('close', () => resolve()))
      // The socket is idle when these come.
      void daemon.logged(seen.number).then(() => socket.write(answer(200, 'much later')))
      return own
    },
    QUICK,
  )
  const lane = new ClientLane(daemon.port)
  t.teardown(() => lane.close())
  const wrong: string[] = []
  for (let i = 0; i < 500; i++) {
    const got = await lane.ask(`${url}/${i}`)
    if (got.status !== 200 || !got.text.startsWith(`/items/${i} `)) wrong.push(`${i}: ${got.status} ${got.text}`)
    await dropped
  }
  t.same(wrong, [])
  t.equal(upstream.seen.length, 500, 'nothing had to be asked twice')
  t.ok(upstream.connections() > 150, `${upstream.connections()} sockets: condemned ones were replaced`)
})
