import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { decodeContent } from '../../../src/http/content-decoding.js'

const TEXT = Buffer.from('{"error":{"code":"RATE_LIMITED"}}')
const decode = (coding: string, body: Buffer, max = 65_536) => decodeContent(['Content-Encoding', coding], body, max)

t.test('RFC 9110 §8.4.1: every coding in use is undone, also two in a row', t => {
  const rows: [string, Buffer][] = [
    ['gzip', gzipSync(TEXT)],
    ['X-GZip', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['deflate', deflateRawSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['identity', TEXT],
    ['deflate, gzip', gzipSync(deflateSync(TEXT))],
  ]
  for (const [coding, body] of rows) t.strictSame(decode(coding, body), TEXT, coding)
  t.strictSame(decodeContent([], TEXT, 100), TEXT)
  t.strictSame(
    decodeContent(['Content-Encoding', 'br', 'content-encoding', 'gzip'], gzipSync(brotliCompressSync(TEXT)), 100),
    TEXT,
  )
  t.end()
})

t.test('what cannot be undone in the room that there is gives nothing', t => {
  const rows: [string, Buffer, number?][] = [
    ['zstd', TEXT],
    ['constructor', TEXT],
    ['gzip', TEXT],
    ['gzip', Buffer.alloc(0)],
    ['gzip', gzipSync(TEXT).subarray(0, -4)],
    ['br', brotliCompressSync(TEXT).subarray(0, -1)],
    ['deflate', Buffer.from([0xff, 0xff])],
    ['gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(TEXT)))],
    ['gzip', gzipSync(TEXT), TEXT.length - 1],
    ['gzip', gzipSync(TEXT), 0],
    ['identity', TEXT, TEXT.length - 1],
    ['gzip', gzipSync(Buffer.alloc(50_000_000)), 1_048_576],
    ['br', brotliCompressSync(Buffer.alloc(50_000_000)), 1_048_576],
  ]
  for (const [coding, body, max] of rows) t.equal(decode(coding, body, max), undefined, `${coding} ${body.length}`)
  t.strictSame(decode('gzip', gzipSync(TEXT), TEXT.length), TEXT, 'just enough room')
  t.end()
})
