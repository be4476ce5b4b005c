import { test } from 'tap'
import type { ResponseSink } from '../../../src/wire/events.js'
import { ResponseParser } from '../../../src/wire/response-parser.js'

const LIMITS = { headBytes: 1_024, interimMax: 2 }
const EMPTY = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

function listen(over: Partial<ResponseSink> = {}) {
  const heard: string[] = []
  const parser = new ResponseParser(
    {
      onInterim: head => heard.push(`interim ${head.status}`),
      onHead: head => heard.push(`head ${head.status}`),
      onBody: chunk => heard.push(`body ${chunk}`),
      onEnd: () => heard.push('end'),
      onUpgrade: (_, rest) => heard.push(`upgrade ${rest}`),
      ...over,
    },
    LIMITS,
  )
  return { parser, heard }
}

test('R3: the parser knows whether a byte was read since the request', t => {
  const { parser } = listen()
  t.same([parser.idle, parser.started, parser.done], [true, false, false], 'new')
  parser.begin('GET')
  t.same([parser.idle, parser.started, parser.done], [false, false, false], 'begun')
  parser.feed(EMPTY.subarray(0, 1))
  t.same([parser.idle, parser.started, parser.done], [false, true, false], 'one byte')
  parser.feed(EMPTY.subarray(1))
  t.same([parser.idle, parser.started, parser.done], [true, true, true], 'ended')
  parser.begin('GET')
  t.same([parser.idle, parser.started, parser.done], [false, false, false], 'begun again')
  t.end()
})

test('the end of a connection that has not answered is left to the caller', t => {
  const { parser, heard } = listen()
  t.equal(parser.eof(), undefined, 'idle')
  parser.begin('GET')
  t.equal(parser.eof(), undefined, 'begun')
  t.same(heard, [])
  parser.feed(Buffer.from('H'))
  t.equal(parser.eof()?.name, 'http_response_incomplete')
  t.end()
})

test('a connection may be used again from within the end of an answer', t => {
  const { parser, heard } = listen({
    onEnd: () => {
      heard.push(`end reusable=${parser.reusable}`)
      if (heard.length < 6) parser.begin('GET')
    },
  })
  parser.begin('GET')
  for (let i = 0; i < 3; i++) t.equal(parser.feed(EMPTY), undefined)
  t.same(heard.join(), Array(3).fill('head 200,end reusable=true').join())
  t.end()
})

test('bytes behind an answer never answer the next request', t => {
  const { parser, heard } = listen({
    onEnd: () => {
      heard.push(`end reusable=${parser.reusable}`)
      parser.begin('GET')
    },
  })
  parser.begin('GET')
  const fault = parser.feed(Buffer.concat([EMPTY, EMPTY]))
  t.equal(fault?.name, 'http_protocol_error')
  t.same(heard, ['head 200', 'end reusable=false'])
  t.equal(parser.feed(EMPTY), fault, 'the first fault is final')
  t.equal(parser.eof(), fault)
  t.end()
})

test('an answer is reusable only when its connection persists', t => {
  const rows: [string, boolean][] = [
    ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', true],
    ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', false],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n', false],
  ]
  for (const [text, reusable] of rows) {
    const { parser } = listen()
    parser.begin('GET')
    parser.feed(Buffer.from(text))
    t.equal(parser.reusable, reusable, text)
  }
  t.end()
})

test('a byte that no request asked for is a fault', t => {
  const { parser, heard } = listen()
  t.equal(parser.feed(Buffer.alloc(0)), undefined, 'no byte is no byte')
  t.match(parser.feed(EMPTY), { name: 'http_protocol_error', section: 'RFC 9112 §9.2' })
  t.same(heard, [])
  t.end()
})

test('a request before the answer has ended is a fault', t => {
  const { parser } = listen()
  parser.begin('GET')
  parser.begin('GET')
  t.equal(parser.feed(EMPTY)?.name, 'http_protocol_error')
  t.end()
})

test('body chunks are views of what was fed, heads are not', t => {
  const seen: Buffer[] = []
  let cookie: string | undefined
  const { parser } = listen({ onBody: chunk => seen.push(chunk), onHead: head => (cookie = head.fields[3]) })
  parser.begin('GET')
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: abc\r\n\r\nbody')
  const cut = bytes.indexOf('abc') + 1
  const first = Buffer.from(bytes.subarray(0, cut))
  const second = Buffer.from(bytes.subarray(cut))
  parser.feed(first)
  first.fill(0)
  parser.feed(second)
  t.equal(seen[0]?.buffer, second.buffer)
  t.equal(cookie, 'abc', 'a buffer may be reused once it was fed')
  t.end()
})

test('what was read behind a 101 is handed over', t => {
  const { parser, heard } = listen()
  parser.begin('GET', { upgrade: true })
  t.equal(parser.feed(Buffer.from('HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nframes')), undefined)
  t.same(heard, ['upgrade frames'])
  t.same([parser.idle, parser.done, parser.reusable], [false, false, false])
  t.equal(parser.eof(), undefined)
  t.end()
})

test('rfc9110-9.3.6: what was read behind a 2xx to CONNECT comes through the tunnel', t => {
  const opening = [
    'HTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.0 200 Connection established\r\nContent-Length: 4\r\n\r\n',
    'HTTP/1.1 204 X\r\n\r\n',
  ]
  for (const head of opening) {
    const { parser, heard } = listen()
    parser.begin('CONNECT')
    t.equal(parser.feed(Buffer.from(`${head}SSH-2.0`)), undefined)
    t.same(heard, ['upgrade SSH-2.0'], head)
  }
  const { parser } = listen()
  parser.begin('CONNECT')
  t.match(parser.feed(Buffer.from('HTTP/1.1 101 S\r\n\r\n')), { name: 'http_protocol_error' }, 'no 101 was asked for')
  t.end()
})

test('each answer has its own count of interim answers', t => {
  const { parser } = listen()
  const interim = Buffer.from('HTTP/1.1 100 C\r\n\r\n'.repeat(2))
  for (let i = 0; i < 3; i++) {
    parser.begin('GET')
    t.equal(parser.feed(interim), undefined)
    t.equal(parser.feed(EMPTY), undefined)
  }
  t.end()
})
