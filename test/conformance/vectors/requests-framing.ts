import type { MalformedRequest } from './requests-malformed.js'

const HOST = 'Host: UP\r\n'
const SMUGGLED = 'GET http://UP/smuggled HTTP/1.1\r\nHost: UP\r\n\r\n'
const body = (method: string, fields: string[], bytes: string, version = '1.1') =>
  `${method} http://UP/ HTTP/${version}\r\n${HOST}${fields.join('\r\n')}\r\n\r\n${bytes}`
const post = (bytes: string, ...fields: string[]) => body('POST', fields, bytes)
const length = (value: string, bytes = 'hello') => post(bytes, `Content-Length: ${value}`)
const coding = (value: string, bytes = '0\r\n\r\n') => post(bytes, `Transfer-Encoding: ${value}`)
const chunks = (bytes: string) => post(bytes, 'Transfer-Encoding: chunked')
const both = (method: string) =>
  body(method, ['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`)

const LENGTHS: readonly MalformedRequest[] = [
  ['rfc9110-8.6-50', 'two lengths', post('hello', 'Content-Length: 5', 'Content-Length: 6')],
  ['rfc9110-8.6-51', 'one length twice', post('hello', 'Content-Length: 5', 'Content-Length: 5')],
  ['rfc9110-8.6-52', 'one length twice in two cases', post('hello', 'Content-Length: 5', 'CONTENT-LENGTH: 5')],
  ['rfc9110-8.6-53', 'a list of one length', length('5, 5')],
  ['rfc9110-8.6-54', 'a list of two lengths', length('5, 6')],
  ['rfc9110-8.6-55', 'a signed length', length('+5')],
  ['rfc9110-8.6-56', 'a negative length', length('-5')],
  ['rfc9110-8.6-57', 'a negative zero', length('-0', '')],
  ['rfc9110-8.6-58', 'a hexadecimal length', length('0x5')],
  ['rfc9110-8.6-59', 'a length with a letter', length('5x')],
  ['rfc9110-8.6-60', 'a length with a fraction', length('5.0')],
  ['rfc9110-8.6-61', 'a length with an exponent', length('5e0')],
  ['rfc9110-8.6-62', 'an empty length', length('')],
  ['rfc9110-8.6-63', 'a length with a space inside', length('5 5')],
  ['rfc9110-8.6-64', 'a length in quotes', length('"5"')],
  ['rfc9110-8.6-65', 'a length with an underscore', length('5_0')],
  ['rfc9110-8.6-66', 'a length beyond 2^53', length('9007199254740993')],
  ['rfc9110-8.6-67', 'a length beyond 2^64', length('18446744073709551621')],
  ['rfc9110-8.6-68', 'a length with a superscript', length('5\xb2')],
  ['rfc9110-8.6-69', 'a length with a semicolon', length('5;')],
]

const CODINGS: readonly MalformedRequest[] = [
  ['rfc9112-6.3-50', 'length and coding on POST', both('POST')],
  ['rfc9112-6.3-51', 'length and coding on GET', both('GET')],
  ['rfc9112-6.3-52', 'length and coding on DELETE', both('DELETE')],
  ['rfc9112-6.3-53', 'length and coding on OPTIONS', both('OPTIONS')],
  [
    'rfc9112-6.3-54',
    'coding, then length',
    post(`0\r\n\r\n${SMUGGLED}`, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
  ],
  [
    'rfc9112-6.3-55',
    'a length of zero and a coding',
    post('0\r\n\r\n', 'Content-Length: 0', 'Transfer-Encoding: chunked'),
  ],
  ['rfc9112-6.3-56', 'length and an unknown coding', post('hello', 'Content-Length: 5', 'Transfer-Encoding: x')],
  ['rfc9112-6.3-57', 'length and identity', post('hello', 'Content-Length: 5', 'Transfer-Encoding: identity')],
  ['rfc9112-6.3-58', 'length and an empty coding', post('hello', 'Content-Length: 5', 'Transfer-Encoding:')],
  ['rfc9112-6.1-50', 'identity', coding('identity')],
  ['rfc9112-6.1-51', 'chunked twice', coding('chunked, chunked')],
  [
    'rfc9112-6.1-52',
    'chunked in two lines',
    post('0\r\n\r\n', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  ],
  ['rfc9112-6.1-53', 'chunked, then identity', coding('chunked, identity')],
  ['rfc9112-6.1-54', 'identity, then chunked', coding('identity, chunked')],
  ['rfc9112-6.1-55', 'chunked, then gzip', coding('chunked, gzip')],
  ['rfc9112-6.1-56', 'gzip alone', coding('gzip')],
  ['rfc9112-6.1-57', 'gzip, then chunked', coding('gzip, chunked'), 501],
  ['rfc9112-6.1-58', 'xchunked', coding('xchunked')],
  ['rfc9112-6.1-59', 'chunkedx', coding('chunkedx')],
  ['rfc9112-6.1-60', 'chunked with a comma behind', coding('chunked,')],
  ['rfc9112-6.1-61', 'chunked with a comma before', coding(',chunked')],
  ['rfc9112-6.1-62', 'chunked with a parameter', coding('chunked;q=1')],
  ['rfc9112-6.1-63', 'chunked in quotes', coding('"chunked"')],
  ['rfc9112-6.1-64', 'chunked behind a vertical tab', coding('\vchunked')],
  ['rfc9112-6.1-65', 'chunked behind a form feed', coding('\fchunked')],
  ['rfc9112-6.1-66', 'chunked with a NUL', coding('chunked\0')],
  ['rfc9112-6.1-67', 'chunked with a no-break space', coding('chunked\xa0')],
  ['rfc9112-6.1-68', 'an empty coding', coding('')],
  ['rfc9112-6.1-69', 'a space before the colon', post('0\r\n\r\n', 'Transfer-Encoding : chunked')],
  ['rfc9112-6.1-70', 'a bare CR before the coding', post('0\r\n\r\n', 'A: b\rTransfer-Encoding: chunked')],
  ['rfc9112-6.1-71', 'a bare LF before the coding', post('0\r\n\r\n', 'A: b\nTransfer-Encoding: chunked')],
  ['rfc9112-6.1-72', 'a coding in HTTP/1.0', body('POST', ['Transfer-Encoding: chunked'], '0\r\n\r\n', '1.0')],
  ['rfc9112-6.1-73', 'chunked by a no-break space', coding('x\xa0chunked')],
]

const BODIES: readonly MalformedRequest[] = [
  ['rfc9110-9.3.8-50', 'TRACE with a length', body('TRACE', ['Content-Length: 5'], 'hello')],
  ['rfc9110-9.3.8-51', 'TRACE with a coding', body('TRACE', ['Transfer-Encoding: chunked'], '0\r\n\r\n')],
  [
    'rfc9110-7.8-50',
    'an upgrade with a length',
    body('GET', ['Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 5'], 'hello'),
  ],
  [
    'rfc9110-7.8-51',
    'an upgrade with a coding',
    body('GET', ['Connection: Upgrade', 'Upgrade: websocket', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  ],
]

/** The head alone is fine: what is wrong comes with the body, in the same packet. */
const CHUNKS: readonly MalformedRequest[] = [
  ['rfc9112-7.1-50', 'a size that is no number', chunks('x\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-51', 'an empty size', chunks('\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-52', 'a size with 0x', chunks('0x5\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-53', 'a signed size', chunks('+5\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-54', 'a negative size', chunks('-5\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-55', 'a space before the size', chunks(' 5\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-56', 'a space behind the size', chunks('5 \r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-57', 'a tab behind the size', chunks('5\t\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-58', 'a size with an underscore', chunks('5_0\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-59', 'a size beyond 2^64', chunks('10000000000000005\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-60', 'a size that wraps', chunks('fffffffffffffffff\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-61', 'LF behind the size', chunks('5\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-62', 'CR behind the size', chunks('5\rhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-63', 'CR CR LF behind the size', chunks('5\r\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-68', 'a NUL in the size', chunks('5\0\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-70', 'a comma in the size', chunks('5,5\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1.1-50', 'a NUL in an extension', chunks('5;a\0\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1.1-51', 'a bare CR in an extension', chunks('5;a\rb\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1.1-52', 'a bare LF in an extension', chunks('5;a\nb\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1.1-53', 'a bare LF behind an extension', chunks('5;a=b\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1.1-54', 'an extension of 20 KiB', chunks(`5;${'a'.repeat(20_480)}\r\nhello\r\n0\r\n\r\n`)],
  ['rfc9112-7.1.2-50', 'a folded trailer', chunks('0\r\nA: b\r\n c\r\n\r\n')],
  ['rfc9112-7.1.2-51', 'a space before the colon of a trailer', chunks('0\r\nA : b\r\n\r\n')],
  ['rfc9112-7.1.2-52', 'a NUL in a trailer', chunks('0\r\nA: b\0\r\n\r\n')],
  ['rfc9112-7.1.2-53', 'a trailer that ends in LF', chunks('0\r\nA: b\n\r\n')],
  ['rfc9110-6.5.1-50', 'a length in a trailer', chunks('0\r\nContent-Length: 5\r\n\r\n')],
  ['rfc9110-6.5.1-51', 'a coding in a trailer', chunks('0\r\nTransfer-Encoding: chunked\r\n\r\n')],
  ['rfc9112-7.1.2-54', 'a trailer without a colon', chunks('0\r\nGET /smuggled HTTP/1.1\r\n\r\n')],
]

/** RFC 9110 §6.5.1: what frames, routes, authorizes, modifies or describes is no trailer. */
const MISPLACED: readonly MalformedRequest[] = [
  'Host: evil.test',
  'HOST: UP',
  'Connection: A',
  'TE: trailers',
  'Keep-Alive: x',
  'Upgrade: x',
  'Expect: 100-continue',
  'Trailer: A',
  'Proxy-Authorization: Basic eDp5',
  'Authorization: Bearer x',
  'Cookie: a=b',
  'X-Api-Key: x',
  'Idempotency-Key: x',
  'X-Payment: x',
  'Payment-Signature: x',
  'Via: 1.1 a',
  'Forwarded: host=evil.test',
  'Max-Forwards: 0',
  'Cache-Control: no-store',
  'Range: bytes=0-1',
  'If-Match: "a"',
  'Content-Type: text/plain',
  'Content-Encoding: gzip',
  'content-range: bytes 0-1/2',
].map((field, i) => [
  `rfc9110-6.5.1-${60 + i}`,
  `a trailer ${field}`,
  chunks(`5\r\nhello\r\n0\r\nA: b\r\n${field}\r\n\r\n`),
])

/** Wrong behind a part that was fine, and that may have been passed on by then. */
export const MALFORMED_LATE: readonly MalformedRequest[] = [
  ...MISPLACED,
  ['rfc9112-7.1-64', 'no line end behind the data', chunks('5\r\nhello0\r\n\r\n')],
  ['rfc9112-7.1-65', 'LF behind the data', chunks('5\r\nhello\n0\r\n\r\n')],
  ['rfc9112-7.1-66', 'more data than the size', chunks('3\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-67', 'less data than the size', chunks('7\r\nhello\r\n0\r\n\r\n')],
  ['rfc9112-7.1-69', 'LF behind the last chunk', chunks('5\r\nhello\r\n0\n\n')],
  ['rfc9112-7.1.2-55', 'a trailer over 64 KiB', chunks(`0\r\nA: ${'b'.repeat(66_000)}\r\n\r\n`), 431],
]

/** Wrong in how the body is framed. */
export const MALFORMED_FRAMING: readonly MalformedRequest[] = [...LENGTHS, ...CODINGS, ...BODIES, ...CHUNKS]
