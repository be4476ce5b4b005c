import { test } from 'tap'
import { ChunkedDecoder } from '../../../src/wire/chunked.js'

function decode(...pieces: string[]) {
  let data = ''
  const decoder = new ChunkedDecoder(128, piece => {
    data += piece.toString('latin1')
  })
  const offsets = pieces.map(piece => decoder.read(Buffer.from(piece, 'latin1'), 0))
  return { data, offsets, ended: decoder.ended, trailers: decoder.trailers, fault: decoder.fault?.details }
}

test('a chunked body ends at its last byte', t => {
  t.same(decode('2\r\nhi\r\n0\r\nX: y\r\n\r\nnext'), {
    data: 'hi',
    offsets: [18],
    ended: true,
    trailers: ['X', 'y'],
    fault: undefined,
  })
  t.end()
})

test('F6: extensions are bounded for the whole body', t => {
  const chunk = `1;a=${'b'.repeat(4_000)}\r\nx\r\n`
  t.equal(decode(chunk.repeat(4)).fault, undefined)
  t.match(decode(chunk.repeat(5)).fault, /over 16384 bytes/)
  t.match(decode('1;', 'a'.repeat(16_383), 'a').fault, /over 16384 bytes/)
  t.end()
})

test('F6: the largest hostile extension is judged in time that grows with its size only', t => {
  for (const text of ['a'.repeat(16_000), `a${' '.repeat(16_000)}`, ';a'.repeat(8_000), `a="${'\\a'.repeat(8_000)}`]) {
    t.match(decode(`1;${text}\0\r\n`).fault, 'malformed chunk extension')
  }
  t.end()
})

test('F2: sizes stop where a double does', t => {
  t.equal(decode('1fffffffffffff\r\n').fault, undefined)
  t.equal(decode('20000000000000\r\n').fault, 'chunk size too large')
  t.equal(decode('0000000000000001\r\n').fault, 'chunk size too large', '16 digits')
  t.end()
})
