import { test } from 'tap'
import { isForeign, parseResponseHead } from '../../../src/wire/response-head.js'

test('a head is one value with all that the connection needs', t => {
  const head = parseResponseHead('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n', 'GET')
  t.same(head, {
    status: 200,
    reason: 'OK',
    version: '1.1',
    fields: ['Content-Length', '5', 'X', 'y'],
    framing: { kind: 'length', length: 5 },
    keepAlive: true,
  })
  t.end()
})

test('a malformed head says what is wrong and where that is written', t => {
  const rows: [string, string][] = [
    ['HTTP/1.1 6 OK\r\n\r\n', 'RFC 9112 §4'],
    ['HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'RFC 9112 §5.1'],
    ['HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n', 'RFC 9110 §8.6'],
  ]
  for (const [text, section] of rows) t.match(parseResponseHead(text, 'GET'), { name: 'http_protocol_error', section })
  t.end()
})

test('a beginning is foreign as soon as it cannot become an answer', t => {
  for (const own of ['H', 'HTTP/', 'HTTP/1.', 'HTTP/1.1 200']) t.notOk(isForeign(own), own)
  for (const foreign of ['h', 'HTTP/2', 'SSH-2.0', '\r\n', '\x15\x03']) t.ok(isForeign(foreign), foreign)
  t.end()
})
