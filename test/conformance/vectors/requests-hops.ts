import { type AcceptedRequest, aged } from './requests-accepted.js'

const VIA = 'Via: 1.1 SELF\r\n'
const head = (line: string, fields: readonly string[]) => `${[line, ...fields].join('\r\n')}\r\n`
const get = (...fields: string[]) => `${head('GET http://UP/ HTTP/1.1', ['Host: UP', ...fields])}\r\n`
const got = (...fields: string[]) => `${head('GET / HTTP/1.1', ['Host: UP', ...fields])}${VIA}\r\n`
const ask = (method: string, ...fields: string[]) =>
  `${head(`${method} http://UP/ HTTP/1.1`, ['Host: UP', ...fields])}\r\n`
const asked = (method: string, ...fields: string[]) =>
  `${head(`${method} / HTTP/1.1`, ['Host: UP', ...fields])}${VIA}\r\n`
const post = (body: string, ...fields: string[]) =>
  `${head('POST http://UP/ HTTP/1.1', ['Host: UP', ...fields])}\r\n${body}`
const posted = (body: string, ...fields: string[]) =>
  `${head('POST / HTTP/1.1', ['Host: UP', ...fields])}${VIA}\r\n${body}`
const chunked = 'Transfer-Encoding: chunked'
const trailed = (...lines: string[]) => `0\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`
const by = (target: string, version: string, ...fields: string[]) =>
  `${head(`GET ${target} HTTP/${version}`, fields)}\r\n`

const HOP_BY_HOP: readonly AcceptedRequest[] = [
  ['rfc9110-7.6.1-10', 'Connection: keep-alive in capitals', get('Connection: KEEP-ALIVE', 'A: b'), got('A: b')],
  [
    'rfc9110-7.6.1-11',
    'empty members and blanks in Connection',
    get('Connection: , x-a ,,\tX-B\t,', 'X-A: 1', 'X-B: 2', 'X-C: 3'),
    got('X-C: 3'),
  ],
  ['rfc9110-7.6.1-12', 'a name that is not there', get('Connection: x-a', 'X-B: 2'), got('X-B: 2')],
  ['rfc9110-7.6.1-13', 'Connection names itself', get('Connection: connection, close', 'A: b'), got('A: b')],
  [
    'rfc9110-7.6.1-14',
    'Cache-Control cannot be named away',
    get('Connection: cache-control', 'Cache-Control: no-store'),
    got('Cache-Control: no-store'),
  ],
  [
    'rfc9110-7.6.1-15',
    'every line of a named field goes',
    get('X-A: 1', 'Connection: x-a', 'x-a: 2', 'B: c', 'X-a: 3'),
    got('B: c'),
  ],
  ['rfc9110-7.6.1-16', 'Connection: upgrade without an Upgrade', get('Connection: upgrade', 'A: b'), got('A: b')],
  ['rfc9110-7.6.1-17', 'an Upgrade that Connection does not name', get('Upgrade: websocket', 'A: b'), got('A: b')],
  ['rfc9110-7.6.1-18', 'Keep-Alive that Connection does not name', get('Keep-Alive: timeout=9', 'A: b'), got('A: b')],
  [
    'rfc9110-7.6.1-19',
    'Proxy-Connection names nothing',
    get('Proxy-Connection: keep-alive, x-a', 'X-A: 1'),
    got('X-A: 1'),
  ],
  ['rfc9110-7.6.1-20', 'two words are no name', get('Connection: x a', 'X: 1', 'A: 2'), got('X: 1', 'A: 2')],
  [
    'rfc9110-7.6.1-21',
    'the framing cannot be named away',
    post('0\r\n\r\n', 'Connection: transfer-encoding', chunked),
    posted('0\r\n\r\n', chunked),
  ],
  ['rfc9110-7.6.1-22', 'an empty Connection', get('Connection:', 'A: b'), got('A: b')],
  [
    'rfc9110-7.6.1-23',
    'Connection of an HTTP/1.0 client',
    by('http://UP/', '1.0', 'Host: UP', 'Connection: x-a', 'X-A: 1'),
    aged(got()),
  ],
  ['rfc9110-7.6.1-24', 'close twice', get('Connection: close', 'Connection: Close'), got()],
  [
    'rfc9110-11.7.2-10',
    'Proxy-Authorization of two schemes',
    get('Proxy-Authorization: Basic eDp5', 'proxy-authorization: Bearer z', 'Authorization: Bearer a'),
    got('Authorization: Bearer a'),
  ],
  ['rfc9110-11.7.3-10', 'Proxy-Authentication-Info', get('Proxy-Authentication-Info: nextnonce="a"'), got()],
  [
    'rfc9110-10.1.4-10',
    'TE: trailers that Connection does not name',
    get('TE: trailers'),
    got('TE: trailers', 'Connection: TE'),
  ],
  ['rfc9110-10.1.4-11', 'an empty TE', get('TE:', 'Connection: TE'), got()],
  [
    'rfc9110-10.1.4-12',
    'TE over two lines',
    get('TE: gzip', 'te: Trailers', 'Connection: TE'),
    got('TE: trailers', 'Connection: TE'),
  ],
  ['rfc9110-10.1.4-13', 'TE: xtrailers', get('TE: xtrailers', 'Connection: TE'), got()],
]

const VIAS: readonly AcceptedRequest[] = [
  ['rfc9110-7.6.3-10', 'two lines of Via', get('Via: 1.0 a', 'via: 1.1 b'), got('Via: 1.0 a', 'via: 1.1 b')],
  [
    'rfc9110-7.6.3-11',
    'a comment with a comma and a parenthesis',
    get('Via: 1.1 a (b, \\) c), 1.1 d'),
    got('Via: 1.1 a (b, \\) c), 1.1 d'),
  ],
  [
    'rfc9110-7.6.3-12',
    'a protocol name and a port',
    get('Via: HTTP/1.1 a.test:8080'),
    got('Via: HTTP/1.1 a.test:8080'),
  ],
  [
    'rfc9110-7.6.3-16',
    'ours says what the message came with',
    by('http://UP/', '1.0', 'Host: UP', 'Via: 1.1 a'),
    aged(got('Via: 1.1 a')),
  ],
  ['rfc9110-7.6.3-13', 'an empty Via', get('Via:'), got('Via: ')],
  ['rfc9110-7.6.3-14', 'what is no Via', get('Via: ((('), got('Via: (((')],
  [
    'rfc9110-7.6.3-15',
    'Via in the middle stays there',
    get('A: b', 'Via: 1.1 a', 'C: d'),
    got('A: b', 'Via: 1.1 a', 'C: d'),
  ],
]

const MAX_FORWARDS: readonly AcceptedRequest[] = [
  [
    'rfc9110-7.6.2-10',
    'more than can be counted: the most that can be',
    ask('OPTIONS', 'Max-Forwards: 4294967297'),
    asked('OPTIONS', 'Max-Forwards: 999999999'),
  ],
  ['rfc9110-7.6.2-11', 'zeros in front', ask('TRACE', 'Max-Forwards: 007'), asked('TRACE', 'Max-Forwards: 6')],
  ['rfc9110-7.6.2-12', 'a word', ask('OPTIONS', 'Max-Forwards: x'), asked('OPTIONS', 'Max-Forwards: x')],
  ['rfc9110-7.6.2-13', 'a negative number', ask('TRACE', 'Max-Forwards: -1'), asked('TRACE', 'Max-Forwards: -1')],
  ['rfc9110-7.6.2-14', 'a fraction', ask('OPTIONS', 'Max-Forwards: 1.5'), asked('OPTIONS', 'Max-Forwards: 1.5')],
  ['rfc9110-7.6.2-15', 'HEAD', ask('HEAD', 'Max-Forwards: 0'), asked('HEAD', 'Max-Forwards: 0')],
  [
    'rfc9110-7.6.2-16',
    'POST',
    post('x', 'Max-Forwards: 0', 'Content-Length: 1'),
    posted('x', 'Max-Forwards: 0', 'Content-Length: 1'),
  ],
  ['rfc9110-7.6.2-17', 'a method of WebDAV', ask('PROPFIND', 'Max-Forwards: 0'), asked('PROPFIND', 'Max-Forwards: 0')],
]

const HOSTS: readonly AcceptedRequest[] = [
  [
    'rfc9112-3.2-10',
    'Host last',
    by('http://UP/', '1.1', 'A: b', 'Host: UP'),
    `GET / HTTP/1.1\r\nA: b\r\nHost: UP\r\n${VIA}\r\n`,
  ],
  ['rfc9112-3.2-11', 'HOST in capitals', by('http://UP/', '1.1', 'HOST: UP'), got()],
  ['rfc9112-3.2-12', 'the name of another port', by('http://UP/', '1.1', 'Host: a.test:9'), got()],
  ['rfc9112-3.2-13', 'an IPv6 address', by('http://UP/', '1.1', 'Host: [::1]:80'), got()],
  ['rfc9112-3.2-14', 'a name in capitals with a dot behind', by('http://UP/', '1.1', 'Host: A.TEST.'), got()],
  ['rfc9112-3.2-15', 'blanks around it', by('http://UP/', '1.1', 'Host: \t UP \t', 'A: b'), got('A: b')],
  [
    'rfc9110-7.2-10',
    "X-Forwarded-Host and Forwarded are nobody's Host",
    get('X-Forwarded-Host: evil.test', 'Forwarded: host=evil.test'),
    got('X-Forwarded-Host: evil.test', 'Forwarded: host=evil.test'),
  ],
]

const EXPECTS: readonly AcceptedRequest[] = [
  ['rfc9110-10.1.1-10', 'an expectation in capitals without a body', get('Expect: 100-CONTINUE', 'A: b'), got('A: b')],
  [
    'rfc9110-10.1.1-11',
    'an expectation in HTTP/1.0, with a body',
    'POST http://UP/ HTTP/1.0\r\nHost: UP\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx',
    aged(posted('x', 'Content-Length: 1')),
  ],
  [
    'rfc9110-10.1.1-12',
    'an expectation of DELETE without a body',
    ask('DELETE', 'Expect: 100-continue'),
    asked('DELETE'),
  ],
]

const TRAILERS: readonly AcceptedRequest[] = [
  [
    'rfc9112-7.1.2-10',
    'trailers that nothing announced',
    post(trailed('A: b'), chunked),
    posted(trailed('A: b'), chunked),
  ],
  [
    'rfc9112-7.1.2-11',
    'an empty trailer, and one in latin1',
    post(trailed('A:', 'B: caf\xe9'), chunked),
    posted(trailed('A: ', 'B: caf\xe9'), chunked),
  ],
  [
    'rfc9110-6.5.1-10',
    'what is only known at the end may come there',
    post(trailed('Content-Digest: sha-256=:AA==:', 'Signature: a=:AA==:', 'ETag: "a"', 'Server-Timing: a'), chunked),
    posted(trailed('Content-Digest: sha-256=:AA==:', 'Signature: a=:AA==:', 'ETag: "a"', 'Server-Timing: a'), chunked),
  ],
  [
    'rfc9110-7.6.1-30',
    'a trailer that Connection names goes',
    post(trailed('A: b', 'X-A: 1'), 'Connection: x-a', chunked),
    posted(trailed('A: b'), chunked),
  ],
  [
    'rfc9110-6.6.2-10',
    'Trailer with a length',
    post('x', 'Trailer: A', 'Content-Length: 1'),
    posted('x', 'Content-Length: 1'),
  ],
  [
    'rfc9110-6.6.2-11',
    'Trailer over two lines',
    post(trailed('A: b', 'C: d'), 'Trailer: A', 'trailer: C', chunked),
    posted(trailed('A: b', 'C: d'), 'Trailer: A', 'trailer: C', chunked),
  ],
]

const FRAMES: readonly AcceptedRequest[] = [
  [
    'rfc9110-8.6-10',
    'zeros in front of a length',
    post('hello', 'Content-Length: 00005'),
    posted('hello', 'Content-Length: 5'),
  ],
  [
    'rfc9110-8.6-11',
    'blanks around a length',
    post('hello', 'Content-Length:  5  ', 'A: b'),
    posted('hello', 'Content-Length: 5', 'A: b'),
  ],
  [
    'rfc9112-6.1-10',
    'blanks around a coding',
    post('0\r\n\r\n', 'Transfer-Encoding:  chunked  ', 'A: b'),
    posted('0\r\n\r\n', chunked, 'A: b'),
  ],
  [
    'rfc9112-7.1-10',
    'one chunk for each octet',
    post('1\r\na\r\n01\r\nb\r\n0\r\n\r\n', chunked),
    posted('1\r\na\r\n1\r\nb\r\n0\r\n\r\n', chunked),
  ],
  [
    'rfc9112-7.1-11',
    'a last chunk of many zeros',
    post('1\r\na\r\n0000000\r\n\r\n', chunked),
    posted('1\r\na\r\n0\r\n\r\n', chunked),
  ],
  [
    'rfc9112-7.1.1-10',
    'an extension without a value, and one in quotes',
    post('1;a\r\nb\r\n0;c="; \\" d"\r\n\r\n', chunked),
    posted('1\r\nb\r\n0\r\n\r\n', chunked),
  ],
  ['rfc9112-2.2-10', 'three empty lines before the request', `\r\n\r\n\r\n${get()}`, got()],
]

/** Fields of one hop, and what frames, routes and counts. */
export const HOP_REQUESTS: readonly AcceptedRequest[] = [
  ...HOP_BY_HOP,
  ...VIAS,
  ...MAX_FORWARDS,
  ...HOSTS,
  ...EXPECTS,
  ...TRAILERS,
  ...FRAMES,
]
