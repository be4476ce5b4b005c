import { test } from 'tap'
import { responseFraming } from '../../../src/wire/framing.js'

test('F2: an answer is framed by method, status, version and fields, in that order', t => {
  const rows: [string, number, 0 | 1, string[], string, boolean][] = [
    ['GET', 200, 1, [], 'close', false],
    ['GET', 200, 1, ['Content-Length', '0'], 'length', true],
    ['GET', 200, 0, ['Content-Length', '0'], 'length', false],
    ['GET', 200, 0, ['Content-Length', '0', 'Connection', 'keep-alive'], 'length', true],
    ['GET', 200, 1, ['Transfer-Encoding', 'chunked', 'Connection', 'close'], 'chunked', false],
    ['HEAD', 200, 1, ['Transfer-Encoding', 'chunked'], 'none', true],
    ['GET', 304, 1, ['Content-Length', '9'], 'none', true],
    ['GET', 204, 1, [], 'none', true],
  ]
  for (const [method, status, minor, fields, kind, keepAlive] of rows) {
    t.match(responseFraming(method, status, minor, fields), { framing: { kind }, keepAlive }, `${method} ${status}`)
  }
  t.end()
})

test('F2: two readings are none', t => {
  const rows: string[][] = [
    ['Content-Length', '1', 'Content-Length', '1'],
    ['Content-Length', '1', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'gzip'],
    ['Content-Length', '-1'],
  ]
  for (const fields of rows)
    t.match(responseFraming('GET', 200, 1, fields), { name: 'http_protocol_error' }, fields.join())
  t.end()
})

test('rfc9110-9.3.6: a 2xx to CONNECT has no body, whatever it says; any other answer is framed as ever', t => {
  for (const fields of [
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'gzip'],
    ['Content-Length', '1', 'Transfer-Encoding', 'chunked'],
  ])
    t.match(responseFraming('CONNECT', 200, 1, fields), { framing: { kind: 'none' } }, fields.join())
  t.match(responseFraming('CONNECT', 407, 1, ['Content-Length', '5']), { framing: { kind: 'length', length: 5 } })
  t.match(responseFraming('CONNECT', 407, 1, ['Transfer-Encoding', 'gzip']), { name: 'http_protocol_error' })
  t.end()
})
