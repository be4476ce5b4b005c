/** Id by section, what is odd about it, the request line, the upstream's bytes (latin1) before it closes, and what the client must get. */
export type PassedAnswer = readonly [id: string, name: string, request: string, sent: string, received: string]

const GET = 'GET http://UP/ HTTP/1.1'
const OWN = 'Via: 1.1 SELF\r\nConnection: close\r\n'
const ok = (...fields: string[]) => `HTTP/1.1 200 OK\r\n${fields.map(field => `${field}\r\n`).join('')}`
const sized = (body: string, ...fields: string[]) => `${ok(...fields)}Content-Length: ${body.length}\r\n\r\n${body}`
const got = (body: string, ...fields: string[]) => `${ok(...fields)}Content-Length: ${body.length}\r\n${OWN}\r\n${body}`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

export const PASSED_ANSWERS: readonly PassedAnswer[] = [
  [
    'rfc9110-5.3-10',
    'order, case and repeats',
    GET,
    sized('a', 'Set-Cookie: a=1', 'b: 1', 'set-cookie: b=2', 'B: 2'),
    got('a', 'Set-Cookie: a=1', 'b: 1', 'set-cookie: b=2', 'B: 2'),
  ],
  ['rfc9110-5.5-10', 'latin1 in a value', GET, sized('a', 'A: caf\xe9 \xff'), got('a', 'A: caf\xe9 \xff')],
  ['rfc9110-5.5-11', 'an empty value', GET, sized('a', 'A:'), got('a', 'A: ')],
  [
    'rfc9112-4-10',
    'another reason',
    GET,
    'HTTP/1.1 299 N\xe4 so was\r\nContent-Length: 0\r\n\r\n',
    `HTTP/1.1 299 N\xe4 so was\r\nContent-Length: 0\r\n${OWN}\r\n`,
  ],
  [
    'rfc9112-4-11',
    'no reason',
    GET,
    'HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n',
    `HTTP/1.1 299 \r\nContent-Length: 0\r\n${OWN}\r\n`,
  ],
  [
    'rfc9110-7.6.1-10',
    'hop-by-hop fields',
    GET,
    sized(
      'a',
      'Connection: x-a, keep-alive',
      'X-A: 1',
      'Keep-Alive: timeout=9',
      'Proxy-Authenticate: Basic',
      'Upgrade: foo',
      'X-B: 2',
    ),
    got('a', 'X-B: 2'),
  ],
  [
    'rfc9110-7.6.1-11',
    'fields that Connection must not name',
    GET,
    sized(
      'a',
      'Connection: set-cookie, content-type, retry-after',
      'Set-Cookie: a=1',
      'Content-Type: text/plain',
      'Retry-After: 1',
    ),
    got('a', 'Set-Cookie: a=1', 'Content-Type: text/plain', 'Retry-After: 1'),
  ],
  ['rfc9110-7.6.3-10', 'a Via of another proxy', GET, sized('a', 'Via: 1.0 other'), got('a', 'Via: 1.0 other')],
  [
    'rfc9112-6.3-10',
    'a chunked body',
    GET,
    `${ok()}${CHUNKED}\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n`,
    `${ok()}${OWN}${CHUNKED}\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
  ],
  [
    'rfc9112-7.1.2-10',
    'trailers',
    GET,
    `${ok('Trailer: X-Sum')}${CHUNKED}\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n`,
    `${ok('Trailer: X-Sum')}${OWN}${CHUNKED}\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n`,
  ],
  [
    'rfc9112-7.1.2-11',
    'trailers that must not be',
    GET,
    `${ok()}${CHUNKED}\r\n3\r\nabc\r\n0\r\nContent-Length: 9\r\nA: b\r\n\r\n`,
    `${ok()}${OWN}${CHUNKED}\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n`,
  ],
  [
    'rfc9112-6.3-11',
    'a body that ends with the connection',
    GET,
    `${ok()}\r\nabc`,
    `${ok()}${OWN}${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n`,
  ],
  [
    'rfc9112-6.3-12',
    'HTTP/1.0 upstream',
    GET,
    'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc',
    `${ok()}Content-Length: 3\r\n${OWN.replace('1.1', '1.0')}\r\nabc`,
  ],
  [
    'rfc9112-6.3-13',
    'a chunked body to HTTP/1.0',
    'GET http://UP/ HTTP/1.0',
    `${ok()}${CHUNKED}\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n`,
    `${ok()}${OWN}\r\nabc`,
  ],
  [
    'rfc9110-9.3.2-10',
    'HEAD with a length',
    'HEAD http://UP/ HTTP/1.1',
    `${ok()}Content-Length: 9000\r\n\r\n`,
    `${ok()}Content-Length: 9000\r\n${OWN}\r\n`,
  ],
  [
    'rfc9110-9.3.2-11',
    'HEAD of a chunked body',
    'HEAD http://UP/ HTTP/1.1',
    `${ok()}${CHUNKED}\r\n`,
    `${ok()}${OWN}\r\n`,
  ],
  [
    'rfc9110-9.3.2-12',
    'HEAD without framing',
    'HEAD http://UP/ HTTP/1.1',
    `${ok('A: b')}\r\n`,
    `${ok('A: b')}${OWN}\r\n`,
  ],
  [
    'rfc9110-15.3.5-10',
    '204',
    GET,
    'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n',
    `HTTP/1.1 204 No Content\r\nA: b\r\n${OWN}\r\n`,
  ],
  [
    'rfc9110-15.4.5-10',
    '304 with a length',
    GET,
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 9000\r\nETag: "a"\r\n\r\n',
    `HTTP/1.1 304 Not Modified\r\nContent-Length: 9000\r\nETag: "a"\r\n${OWN}\r\n`,
  ],
  [
    'rfc9110-15.3.6-10',
    '205',
    GET,
    'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n',
    `HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n${OWN}\r\n`,
  ],
  [
    'rfc9110-15.2-10',
    '103 before the answer',
    GET,
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${sized('a')}`,
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nVia: 1.1 SELF\r\n\r\n${got('a')}`,
  ],
  ['rfc9110-15.2.1-10', '100 that nobody asked for', GET, `HTTP/1.1 100 Continue\r\n\r\n${sized('a')}`, got('a')],
  [
    'rfc9110-15.2-11',
    '103 for HTTP/1.0',
    'GET http://UP/ HTTP/1.0',
    `HTTP/1.1 103 Early Hints\r\n\r\n${sized('a')}`,
    got('a'),
  ],
  [
    'rfc9110-15.5.2-10',
    'a 401 with its challenge',
    GET,
    'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 1\r\n\r\na',
    `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 1\r\n${OWN}\r\na`,
  ],
]
