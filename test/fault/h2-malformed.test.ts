import t, { type Test } from 'tap'
import { request } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { until } from '../support/crowd.js'
import {
  CODE,
  data,
  type Frame,
  type FramePeer,
  frame,
  goaway,
  headers,
  okay,
  startFrameServer,
  TYPE,
} from '../support/h2-frames.js'
import { h2Daemon } from '../support/h2-upstream.js'
import { certificate } from '../support/next-hop.js'
import { undisturbed } from '../support/undisturbed.js'

type Answer = (stream: number, peer: FramePeer) => Buffer

const OK: readonly (readonly [string, string])[] = [[':status', '200']]

/** Stream 1 is answered properly, the next ones as given. @returns what a POST on the same connection gets */
async function answeredWith(t: Test, answer: Answer, ...settings: string[]) {
  const onFrame = ({ type, stream }: Frame, peer: FramePeer) => {
    // Whoever is told that it speaks wrongly, hangs up.
    if (type === TYPE.goaway) peer.socket.end()
    if (type === TYPE.headers) peer.send(stream === 1 ? okay(1, 'fine') : answer(stream, peer))
  }
  const server = await startFrameServer(t, { onFrame }, certificate)
  const daemon = await h2Daemon(t, ...settings)
  t.equal((await request(daemon.port, server.url)).text, 'fine')
  const got = await request(daemon.port, server.url, { method: 'POST', body: 'x' })
  return { got, server, daemon }
}

t.test('RFC 9113 §8.1.1: a malformed answer is a fault of the upstream', async t => {
  const cases: [string, Answer][] = [
    ['a name in upper case', id => headers(id, [...OK, ['X-Upper', '1']], true)],
    ['a field of the connection', id => headers(id, [...OK, ['connection', 'close']], true)],
    ['a transfer coding', id => headers(id, [...OK, ['transfer-encoding', 'chunked']], true)],
    ['no status', id => headers(id, [['x', '1']], true)],
    ['two statuses', id => headers(id, [...OK, ...OK], true)],
    ['a status behind a field', id => headers(id, [['x', '1'], ...OK], true)],
    ['an unknown pseudo-field', id => headers(id, [...OK, [':x', '1']], true)],
    ['101', id => headers(id, [[':status', '101']])],
    ['999', id => headers(id, [[':status', '999']], true)],
    ['two lengths', id => headers(id, [...OK, ['content-length', '1'], ['content-length', '1']])],
    ['a length that is none', id => headers(id, [...OK, ['content-length', '+1']])],
    ['an interim answer that ends', id => headers(id, [[':status', '103']], true)],
    [
      'too many interim answers',
      id => Buffer.concat(Array.from({ length: 9 }, () => headers(id, [[':status', '103']]))),
    ],
  ]
  for (const [name, answer] of cases) {
    const { got } = await answeredWith(t, answer)
    t.equal(got.status, 502, name)
    t.match(problemOf(got), { code: 'bad_upstream_answer', outcome: 'unknown' }, name)
    t.match(got.header('proxy-status'), /error=http_protocol_error/)
  }
})

t.test('malformed frames end the connection with what it carried', async t => {
  const push = Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from([0x82])])
  const cases: [string, Answer][] = [
    ['a stream that nobody opened', () => okay(101, 'x')],
    ['a stream of the server', () => okay(2, 'x')],
    ['a push', id => frame(5, 4, id, push)],
    ['field compression that is none', id => frame(TYPE.headers, 4, id, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]))],
    ['a frame that is too long', id => frame(TYPE.data, 0, id, Buffer.alloc(20_000))],
    ['HTTP/1.1', () => Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
  ]
  const code = 'bad_upstream_answer'
  const check = async (name: string, answer: Answer) => {
    const ask = () => answeredWith(t, answer, 'timeout: { per_try: 1200ms }')
    const { got, daemon, server } = await undisturbed(ask, 400)
    t.match(problemOf(got), { code, outcome: 'unknown' }, name)
    const before = server.connections()
    void request(daemon.port, server.url)
    await until(() => server.connections() > before)
  }
  await Promise.all(cases.map(([name, answer]) => check(name, answer)))
})

t.test('a body that is shorter or longer than its length is broken off', async t => {
  for (const [name, body] of [
    ['shorter', 'abc'],
    ['longer', 'abcdef'],
  ] as const) {
    const { got, daemon } = await answeredWith(t, id =>
      Buffer.concat([headers(id, [...OK, ['content-length', '5']]), data(id, body, true)]),
    )
    t.equal(got.broken, true, name)
    t.equal((await daemon.logged(2))[1]?.end, 'http_response_incomplete')
  }
})

t.test('a header section over `limits.header_bytes` is refused', async t => {
  const sections: [string, number, number][] = [
    ['a few long fields', 3, 30_000],
    ['many short ones', 10_000, 5],
    ['far too much', 40, 12_000],
  ]
  for (const [name, count, length] of sections) {
    const fields = Array.from({ length: count }, (_, i): [string, string] => [`x${i}`, 'v'.repeat(length)])
    const { got, server } = await answeredWith(t, id => split(headers(id, [...OK, ...fields], true)))
    t.equal(got.status, 502, name)
    t.match(got.header('proxy-status'), /error=http_response_header_section_size/, name)
    t.equal(server.connections(), 1)
  }
  const { got } = await answeredWith(t, id =>
    split(
      headers(
        id,
        [...OK, ...Array.from({ length: 300 }, (_, i): [string, string] => [`x${i}`, 'v'.repeat(100)])],
        true,
      ),
    ),
  )
  t.equal(got.status, 200, 'below it, any number of fields passes')
  t.equal(got.header('x299'), 'v'.repeat(100))
})

/** One HEADERS frame as that and its CONTINUATIONs, none longer than a peer must take (RFC 9113 §4.2). */
function split(whole: Buffer): Buffer {
  const max = 16_384
  const [flags, stream, payload] = [whole[4] ?? 0, whole.readUInt32BE(5), whole.subarray(9)]
  const parts: Buffer[] = []
  for (let at = 0; at < payload.length; at += max) {
    const last = at + max >= payload.length ? 4 : 0
    const part = payload.subarray(at, at + max)
    parts.push(at === 0 ? frame(TYPE.headers, (flags & 1) | last, stream, part) : frame(9, last, stream, part))
  }
  return Buffer.concat(parts)
}

t.test('what comes behind a complete answer changes nothing', async t => {
  for (const late of [data, (id: number) => headers(id, OK), () => goaway(0, CODE.internal)]) {
    const { got } = await answeredWith(t, id => Buffer.concat([okay(id, 'whole'), late(id, 'more')]))
    t.same([got.status, got.text, got.broken], [200, 'whole', false])
  }
})

t.test('frames of types that nobody knows are passed over', async t => {
  const { got } = await answeredWith(t, id =>
    Buffer.concat([frame(0x77, 0xff, 0, Buffer.from('x')), frame(0x78, 1, id, Buffer.from('x')), okay(id, 'fine')]),
  )
  t.equal(got.text, 'fine')
})
