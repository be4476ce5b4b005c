/** Id by section, what is odd about it, the client's bytes (latin1), and what the upstream must get, byte for byte. */
export type AcceptedRequest = readonly [id: string, name: string, sent: string, received: string]

const VIA = 'Via: 1.1 SELF\r\n'
const get = (...fields: string[]) => `GET http://UP/ HTTP/1.1\r\n${['Host: UP', ...fields].join('\r\n')}\r\n\r\n`
const got = (...fields: string[]) => `GET / HTTP/1.1\r\n${['Host: UP', ...fields].join('\r\n')}\r\n${VIA}\r\n`
/** As it goes on when it came in HTTP/1.0 (RFC 9110 §7.6.3). */
export const aged = (received: string) => received.replace(VIA, 'Via: 1.0 SELF\r\n')
const path = (target: string) => `GET ${target} HTTP/1.1\r\nHost: UP\r\n\r\n`
const gotPath = (text: string) => `GET ${text} HTTP/1.1\r\nHost: UP\r\n${VIA}\r\n`
const method = (name: string, target = 'http://UP/') => `${name} ${target} HTTP/1.1\r\nHost: UP\r\n\r\n`
const gotMethod = (name: string, target = '/') => `${name} ${target} HTTP/1.1\r\nHost: UP\r\n${VIA}\r\n`
const chunked = (name: string, body: string, ...fields: string[]) =>
  `${name} http://UP/ HTTP/1.1\r\n${['Host: UP', 'Transfer-Encoding: chunked', ...fields].join('\r\n')}\r\n\r\n${body}`
const gotChunked = (name: string, body: string, ...fields: string[]) =>
  `${name} / HTTP/1.1\r\n${['Host: UP', 'Transfer-Encoding: chunked', ...fields].join('\r\n')}\r\n${VIA}\r\n${body}`
const sized = (name: string, body: string) =>
  `${name} http://UP/ HTTP/1.1\r\nHost: UP\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const gotSized = (name: string, body: string) =>
  `${name} / HTTP/1.1\r\nHost: UP\r\nContent-Length: ${body.length}\r\n${VIA}\r\n${body}`

const TARGETS: readonly AcceptedRequest[] = [
  ['rfc9112-3.2.2-01', 'slashes in a row', path('http://UP//a//b/'), gotPath('//a//b/')],
  ['rfc9112-3.2.2-02', 'a URL in the path', path('http://UP/a//b/https://x//z'), gotPath('/a//b/https://x//z')],
  [
    'rfc9112-3.2.2-03',
    'percent-encoded bytes in any case',
    path('http://UP/a%2Fb%2fc%20%e9'),
    gotPath('/a%2Fb%2fc%20%e9'),
  ],
  ['rfc9112-3.2.2-04', 'a bad percent-encoding', path('http://UP/%E0%A4%A'), gotPath('/%E0%A4%A')],
  ['rfc9112-3.2.2-05', 'dot segments', path('http://UP/a/../b/./c'), gotPath('/a/../b/./c')],
  [
    'rfc9112-3.2.2-06',
    'bytes that RFC 3986 has no place for',
    path('http://UP/a|b"c<d>`{e}^\\'),
    gotPath('/a|b"c<d>`{e}^\\'),
  ],
  ['rfc9112-3.2.2-07', 'a lone question mark', path('http://UP/a?'), gotPath('/a?')],
  ['rfc9112-3.2.2-08', 'two question marks', path('http://UP/a??b?c'), gotPath('/a??b?c')],
  ['rfc9112-3.2.2-09', 'a query without a path', path('http://UP?x=1'), gotPath('/?x=1')],
  ['rfc9112-3.2.2-10', 'a lone question mark without a path', path('http://UP?'), gotPath('/?')],
  ['rfc9112-3.2.2-11', 'no path', path('http://UP'), gotPath('/')],
  ['rfc9112-3.2.2-12', 'an at sign and a colon in the path', path('http://UP/a@b:c'), gotPath('/a@b:c')],
  ['rfc9112-3.2.2-13', 'quotes in the query', path(`http://UP/?q="a"'b'`), gotPath(`/?q="a"'b'`)],
  ['rfc9112-3.2.2-14', 'a long target', path(`http://UP/${'a'.repeat(16_000)}`), gotPath(`/${'a'.repeat(16_000)}`)],
  ['rfc9110-4.2.3-01', 'a scheme in capitals', path('HTTP://UP/A'), gotPath('/A')],
  ['rfc9112-3.2.2-15', 'a foreign Host', 'GET http://UP/ HTTP/1.1\r\nHost: evil.test\r\n\r\n', gotPath('/')],
  [
    'rfc9112-3.2.2-16',
    'a Host in the middle',
    'GET http://UP/ HTTP/1.1\r\nA: b\r\nhOST: evil.test\r\nC: d\r\n\r\n',
    `GET / HTTP/1.1\r\nA: b\r\nHost: UP\r\nC: d\r\n${VIA}\r\n`,
  ],
  ['rfc9112-3-01', 'two spaces for one', 'GET  http://UP/  HTTP/1.1\r\nHost: UP\r\n\r\n', gotPath('/')],
  ['rfc9112-2.2-01', 'an empty line before the request', `\r\n\r\n${path('http://UP/')}`, gotPath('/')],
  ['rfc9112-2.2-02', 'a bare CR before the request', `\r${path('http://UP/')}`, gotPath('/')],
]

const METHODS: readonly AcceptedRequest[] = [
  ['rfc9110-9.1-01', 'PROPFIND', method('PROPFIND'), gotMethod('PROPFIND')],
  ['rfc9110-9.1-02', 'QUERY with a body', sized('QUERY', 'q'), gotSized('QUERY', 'q')],
  ['rfc9110-9.1-03', 'PURGE', method('PURGE'), gotMethod('PURGE')],
  ['rfc9110-9.3.1-01', 'GET with a length', sized('GET', 'hello'), gotSized('GET', 'hello')],
  [
    'rfc9110-9.3.1-02',
    'chunked GET',
    chunked('GET', '5\r\nhello\r\n0\r\n\r\n'),
    gotChunked('GET', '5\r\nhello\r\n0\r\n\r\n'),
  ],
  ['rfc9110-9.3.2-01', 'HEAD with a length', sized('HEAD', 'hello'), gotSized('HEAD', 'hello')],
  [
    'rfc9110-9.3.5-01',
    'chunked DELETE',
    chunked('DELETE', '5\r\nhello\r\n0\r\n\r\n'),
    gotChunked('DELETE', '5\r\nhello\r\n0\r\n\r\n'),
  ],
  [
    'rfc9110-9.3.5-02',
    'chunked DELETE without a byte',
    chunked('DELETE', '0\r\n\r\n'),
    gotChunked('DELETE', '0\r\n\r\n'),
  ],
  [
    'rfc9110-9.3.7-01',
    'chunked OPTIONS',
    chunked('OPTIONS', '5\r\nhello\r\n0\r\n\r\n'),
    gotChunked('OPTIONS', '5\r\nhello\r\n0\r\n\r\n'),
  ],
  ['rfc9110-9.3.7-02', 'OPTIONS of a server', method('OPTIONS', 'http://UP'), gotMethod('OPTIONS', '*')],
  ['rfc9110-9.3.7-03', 'OPTIONS of a resource', method('OPTIONS', 'http://UP/'), gotMethod('OPTIONS')],
  ['rfc9110-9.3.8-01', 'TRACE', method('TRACE'), gotMethod('TRACE')],
  ['rfc9110-9.3.3-01', 'POST without a body', method('POST'), gotMethod('POST')],
  ['rfc9110-9.3.3-02', 'POST with a length of zero', sized('POST', ''), gotSized('POST', '')],
  [
    'rfc9112-6.1-01',
    'a request in a DELETE body',
    sized('DELETE', 'GET /b HTTP/1.1\r\n\r\n'),
    gotSized('DELETE', 'GET /b HTTP/1.1\r\n\r\n'),
  ],
  [
    'rfc9112-6.1-02',
    'a request in an OPTIONS body',
    sized('OPTIONS', 'GET /b HTTP/1.1\r\n\r\n'),
    gotSized('OPTIONS', 'GET /b HTTP/1.1\r\n\r\n'),
  ],
]

const FIELDS: readonly AcceptedRequest[] = [
  [
    'rfc9110-5.3-01',
    'order, case and repeats',
    get('b: 1', 'A: 2', 'B: 3', 'a: 4', 'Cookie: x=1', 'cookie: y=2'),
    got('b: 1', 'A: 2', 'B: 3', 'a: 4', 'Cookie: x=1', 'cookie: y=2'),
  ],
  ['rfc9110-5.5-01', 'latin1 in a value', get('A: caf\xe9 \xa0 \xff'), got('A: caf\xe9 \xa0 \xff')],
  ['rfc9110-5.5-02', 'an empty value', get('A:'), got('A: ')],
  ['rfc9110-5.5-03', 'a tab inside a value', get('A: b\tc'), got('A: b\tc')],
  [
    'rfc9110-5.1-01',
    'every character of a token in a name',
    get("!#$%&'*+-.^_`|~1aZ: b"),
    got("!#$%&'*+-.^_`|~1aZ: b"),
  ],
  [
    'rfc9110-5.1-02',
    'names that objects have',
    get('__proto__: a', 'constructor: b', 'toString: c'),
    got('__proto__: a', 'constructor: b', 'toString: c'),
  ],
  [
    'rfc9110-5.1-03',
    'a name with an underscore like a framing one',
    get('Content_Length: 5', 'Transfer_Encoding: chunked'),
    got('Content_Length: 5', 'Transfer_Encoding: chunked'),
  ],
  [
    'rfc9110-5.4-01',
    '198 fields beside Host',
    get(...Array.from({ length: 198 }, (_, i) => `A${i}: b`)),
    got(...Array.from({ length: 198 }, (_, i) => `A${i}: b`)),
  ],
  [
    'rfc9110-7.6.1-01',
    'hop-by-hop fields',
    get(
      'Connection: keep-alive',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: x',
      'Proxy-Authorization: Basic x',
      'Proxy-Authenticate: x',
      'HTTP2-Settings: x',
      'Upgrade: foo',
      'A: b',
    ),
    got('A: b'),
  ],
  [
    'rfc9110-7.6.1-02',
    'fields that Connection names',
    get('Connection: x-a, close, X-B', 'X-A: 1', 'x-b: 2', 'X-C: 3'),
    got('X-C: 3'),
  ],
  [
    'rfc9110-7.6.1-03',
    'Connection over two lines',
    get('X-A: 1', 'Connection: x-a', 'x-b: 2', 'connection: ,x-b ,', 'X-C: 3'),
    got('X-C: 3'),
  ],
  [
    'rfc9110-7.6.1-04',
    'fields that Connection must not name',
    get(
      'Connection: Authorization, Cookie, Content-Type, Idempotency-Key, Via, Host, X-Payment',
      'Authorization: a',
      'Cookie: b',
      'Content-Type: c',
      'Idempotency-Key: d',
      'X-Payment: e',
    ),
    got('Authorization: a', 'Cookie: b', 'Content-Type: c', 'Idempotency-Key: d', 'X-Payment: e'),
  ],
  [
    'rfc9110-7.6.1-05',
    'Content-Length named by Connection',
    'POST http://UP/ HTTP/1.1\r\nHost: UP\r\nConnection: content-length, host\r\nContent-Length: 5\r\n\r\nhello',
    gotSized('POST', 'hello'),
  ],
  [
    'rfc9110-7.6.3-01',
    'a Via of another proxy',
    get('Via: 1.0 other, 1.1 next (mulligan)'),
    got('Via: 1.0 other, 1.1 next (mulligan)'),
  ],
  ['rfc9110-10.1.4-01', 'TE: trailers', get('TE: trailers', 'Connection: TE'), got('TE: trailers', 'Connection: TE')],
  ['rfc9110-10.1.4-02', 'TE: gzip', get('TE: gzip', 'Connection: TE'), got()],
  [
    'rfc9110-10.1.4-03',
    'TE: deflate, trailers',
    get('TE: deflate;q=0.5, trailers', 'Connection: close, TE'),
    got('TE: trailers', 'Connection: TE'),
  ],
  [
    'rfc9110-7.6.2-01',
    'Max-Forwards on OPTIONS',
    'OPTIONS http://UP/ HTTP/1.1\r\nHost: UP\r\nMax-Forwards: 1\r\n\r\n',
    `OPTIONS / HTTP/1.1\r\nHost: UP\r\nMax-Forwards: 0\r\n${VIA}\r\n`,
  ],
  [
    'rfc9110-7.6.2-02',
    'Max-Forwards on TRACE',
    'TRACE http://UP/ HTTP/1.1\r\nHost: UP\r\nMax-Forwards: 10\r\n\r\n',
    `TRACE / HTTP/1.1\r\nHost: UP\r\nMax-Forwards: 9\r\n${VIA}\r\n`,
  ],
  ['rfc9110-7.6.2-03', 'Max-Forwards on GET', get('Max-Forwards: 0'), got('Max-Forwards: 0')],
  [
    'rfc9110-7.8-01',
    'an offer of h2c',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA', 'A: b'),
    got('A: b'),
  ],
  ['rfc9110-10.1.1-01', 'an expectation without a body', get('Expect: 100-continue'), got()],
  ['rfc9112-2.3-01', 'HTTP/1.0', 'GET http://UP/ HTTP/1.0\r\nHost: UP\r\n\r\n', aged(got())],
  ['rfc9112-2.3-02', 'HTTP/1.0 without Host', 'GET http://UP/ HTTP/1.0\r\nA: b\r\n\r\n', aged(got('A: b'))],
  [
    'rfc9112-2.3-03',
    'HTTP/1.0 with a length',
    'POST http://UP/ HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello',
    aged(gotSized('POST', 'hello')),
  ],
]

const BODIES: readonly AcceptedRequest[] = [
  [
    'rfc9112-7.1-01',
    'a chunk size in capitals with zeros in front',
    chunked('POST', '000A\r\n0123456789\r\n0\r\n\r\n'),
    gotChunked('POST', 'a\r\n0123456789\r\n0\r\n\r\n'),
  ],
  [
    'rfc9112-7.1.1-01',
    'a chunk extension',
    chunked('POST', '5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n'),
    gotChunked('POST', '5\r\nhello\r\n0\r\n\r\n'),
  ],
  [
    'rfc9112-7.1.2-01',
    'trailers',
    chunked('POST', '5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n', 'Trailer: X-Sum'),
    gotChunked('POST', '5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n', 'Trailer: X-Sum'),
  ],
  [
    'rfc9112-6.1-03',
    'CHUNKED',
    'POST http://UP/ HTTP/1.1\r\nHost: UP\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n',
    gotChunked('POST', '0\r\n\r\n'),
  ],
]

/** Odd but legal. */
export const ACCEPTED_REQUESTS: readonly AcceptedRequest[] = [...TARGETS, ...METHODS, ...FIELDS, ...BODIES]
