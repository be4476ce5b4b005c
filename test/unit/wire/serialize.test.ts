import { test } from 'tap'
import { chunkHead, fieldLines, lastChunk, requestHead } from '../../../src/wire/serialize.js'

const NONE = { kind: 'none' } as const

test('F3: Host stands where the client had it, first when it had none, and has our value', t => {
  const head = (fields: string[]) => requestHead('GET', '/a?b', 'a.test:81', fields, NONE, [])
  t.equal(
    head(['A', 'b', 'HOST', 'evil.test', 'C', 'd']),
    'GET /a?b HTTP/1.1\r\nA: b\r\nHost: a.test:81\r\nC: d\r\n\r\n',
  )
  t.equal(head(['A', 'b']), 'GET /a?b HTTP/1.1\r\nHost: a.test:81\r\nA: b\r\n\r\n')
  t.equal(head(['Host', 'x', 'Host', 'y']), 'GET /a?b HTTP/1.1\r\nHost: a.test:81\r\n\r\n')
  t.end()
})

test('F1: our own fields come last', t => {
  const head = requestHead('POST', '/', 'a', ['Host', 'a', 'A', 'b'], { kind: 'chunked' }, ['Via', '1.1 m', 'K', 'v'])
  t.equal(head, 'POST / HTTP/1.1\r\nHost: a\r\nA: b\r\nTransfer-Encoding: chunked\r\nVia: 1.1 m\r\nK: v\r\n\r\n')
  t.end()
})

test('FP-18: an upgrade is asked for anew', t => {
  const fields = ['Host', 'a', 'Connection', 'keep-alive, Upgrade', 'Upgrade', 'websocket', 'TE', 'trailers']
  const head = requestHead('GET', '/', 'a', fields, NONE, ['Via', '1.1 m'], 'websocket')
  t.equal(head, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nVia: 1.1 m\r\n\r\n')
  t.end()
})

test('TE is understood as a list of codings', t => {
  const rows: [string, boolean][] = [
    ['trailers', true],
    ['Trailers', true],
    ['deflate, trailers', true],
    ['trailers;q=0.5 , gzip', true],
    ['xtrailers', false],
    ['trailers-x', false],
    ['gzip', false],
    ['', false],
  ]
  for (const [te, kept] of rows) {
    t.equal(requestHead('GET', '/', 'a', ['TE', te], NONE, []).includes('TE: trailers'), kept, te)
  }
  t.end()
})

test('chunks are framed in hexadecimal', t => {
  t.equal(chunkHead(1), '1\r\n')
  t.equal(chunkHead(65_535), 'ffff\r\n')
  t.equal(lastChunk([]), '0\r\n\r\n')
  t.equal(lastChunk(['X', 'y']), '0\r\nX: y\r\n\r\n')
  t.equal(fieldLines(['A', 'b', 'C', '']), 'A: b\r\nC: \r\n')
  t.end()
})
