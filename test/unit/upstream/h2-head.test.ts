import t from 'tap'
import { answerHead, joined, requestFields, sizeOf, trailerFields } from '../../../src/upstream/h2-head.js'
import type { OutgoingHead } from '../../../src/upstream/line.js'

const outgoing = (changes: Partial<OutgoingHead> = {}): OutgoingHead => ({
  method: 'GET',
  path: '/a?b',
  authority: 'up.test',
  fields: [],
  framing: { kind: 'none' },
  extra: ['Via', '1.1 m'],
  upgrade: undefined,
  ...changes,
})

/** Names and values in order; without a prototype, as they are given to Node. */
const lines = (head: OutgoingHead) => Object.entries(requestFields(head, 'https')).slice(4)

t.test('RFC 9113 §8.3.1: method, scheme, authority and path come first, and `Host` goes', t => {
  const fields = requestFields(outgoing({ fields: ['Host', 'other.test', 'A', 'b'] }), 'https')
  t.same(Object.entries(fields), [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'up.test'],
    [':path', '/a?b'],
    ['a', 'b'],
    ['via', '1.1 m'],
  ])
  t.equal(requestFields(outgoing({ method: 'OPTIONS', path: '*' }), 'https')[':path'], '*')
  t.end()
})

t.test('F1: what ends at the client hop does not go on, and `Connection` takes what it names with it', t => {
  const hop = ['Connection', 'keep-alive, X-Mine', 'X-Mine', '1', 'Keep-Alive', '5', 'Upgrade', 'h2c']
  const more = ['Transfer-Encoding', 'chunked', 'Proxy-Authorization', 'x', 'HTTP2-Settings', 'y', 'Expect', 'z']
  t.same(lines(outgoing({ fields: [...hop, ...more] })), [['via', '1.1 m']])
  t.end()
})

t.test('F2: repeats keep their order and stand where the first one stood, names go in lower case', t => {
  const fields = ['X-B', '1', 'Cookie', 'a=1', 'x-a', '2', 'X-b', '3', 'Cookie', 'b=2', 'Via', '1.0 c']
  t.same(lines(outgoing({ fields })), [
    ['x-b', ['1', '3']],
    ['cookie', ['a=1', 'b=2']],
    ['x-a', '2'],
    ['via', ['1.0 c', '1.1 m']],
  ])
  t.end()
})

t.test('F2: a field may be called as what every object has', t => {
  const fields = ['__proto__', 'a', 'constructor', 'b', 'toString', 'c', '__Proto__', 'd']
  t.same(lines(outgoing({ fields, extra: [] })), [
    ['__proto__', ['a', 'd']],
    ['constructor', 'b'],
    ['tostring', 'c'],
  ])
  t.end()
})

t.test('F3: `content-length` says our framing, where the client had it or last', t => {
  const framing = { kind: 'length', length: 5 } as const
  t.same(lines(outgoing({ framing, extra: [], fields: ['Content-Length', '5', 'A', 'b'] })), [
    ['content-length', '5'],
    ['a', 'b'],
  ])
  t.same(lines(outgoing({ framing, extra: [], fields: ['A', 'b'] })), [
    ['a', 'b'],
    ['content-length', '5'],
  ])
  const chunked = { kind: 'chunked' } as const
  t.same(lines(outgoing({ framing: chunked, extra: [], fields: ['Content-Length', '5'] })), [])
  t.end()
})

t.test('RFC 9113 §8.2.2: of `TE` only `trailers` goes on; `Trailer` goes where trailers can come', t => {
  const te = (value: string) => lines(outgoing({ extra: [], fields: ['TE', value] }))
  t.same(te('trailers, deflate;q=0.5'), [['te', 'trailers']])
  t.same(te('deflate'), [])
  const fields = ['Trailer', 'X-Sum']
  t.same(lines(outgoing({ extra: [], fields, framing: { kind: 'chunked' } })), [['trailer', 'X-Sum']])
  t.same(lines(outgoing({ extra: [], fields })), [])
  t.end()
})

t.test('trailers go in lower case, repeats together', t => {
  const trailers = trailerFields(['X-Sum', '1', 'x-sum', '2'])
  t.same(Object.entries(trailers), [['x-sum', ['1', '2']]])
  t.end()
})

t.test('RFC 9110 §5.3: joined, lines of one name are one list', t => {
  const fields = requestFields(
    outgoing({ fields: ['If-Match', 'a', 'If-Match', 'b', 'Cookie', 'a', 'Cookie', 'b'] }),
    'https',
  )
  t.match(joined(fields), { 'if-match': 'a, b', cookie: 'a; b', ':path': '/a?b' })
  t.equal(sizeOf(Object.assign(Object.create(null), { ab: 'cde', f: ['g', 'hi'] })), 9 + 6 + 7)
  t.end()
})

t.test('the head of an answer: fields in order with repeats, framing by length or by the stream', t => {
  const raw = [':status', '200', 'set-cookie', 'a', 'x', '1', 'set-cookie', 'b']
  t.same(answerHead('GET', raw, false, 1_000), {
    status: 200,
    reason: 'OK',
    version: '2.0',
    fields: ['set-cookie', 'a', 'x', '1', 'set-cookie', 'b'],
    framing: { kind: 'chunked' },
    keepAlive: true,
  })
  const framing = (method: string, ended: boolean, status: string, ...fields: string[]) =>
    (answerHead(method, [':status', status, ...fields], ended, 1_000) as { framing: unknown }).framing
  t.same(framing('GET', false, '200', 'content-length', '7'), { kind: 'length', length: 7 })
  t.same(framing('GET', true, '200'), { kind: 'length', length: 0 }, 'END_STREAM without a length is an empty body')
  t.same(framing('HEAD', true, '200', 'content-length', '7'), { kind: 'none' })
  t.same(framing('GET', true, '304', 'content-length', '7'), { kind: 'none' })
  t.same(framing('POST', false, '204'), { kind: 'none' })
  t.same(framing('GET', false, '103'), { kind: 'none' })
  t.equal((answerHead('GET', [':status', '299'], true, 1_000) as { reason: unknown }).reason, '')
  t.end()
})

t.test('an answer that would be refused in HTTP/1.1 is refused', t => {
  const fault = (...raw: string[]) => answerHead('GET', raw, false, 40)
  t.match(fault(':status', '999'), { name: 'http_protocol_error' })
  t.match(fault(':status', '099'), { name: 'http_protocol_error' })
  t.match(fault(':status', 'abc'), { name: 'http_protocol_error' })
  t.match(fault(':status', '200', 'content-length', '5x'), { name: 'http_protocol_error' })
  t.match(fault(':status', '200', 'x', 'v'.repeat(40)), { name: 'http_response_header_section_size' })
  t.end()
})
