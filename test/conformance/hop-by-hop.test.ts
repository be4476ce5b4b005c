import { test } from 'tap'
import { answerFields } from '../../src/http/hop-by-hop.js'
import { endToEndTrailers, misplacedTrailer } from '../../src/http/trailer-fields.js'
import type { Framing } from '../../src/wire/events.js'
import { requestHead } from '../../src/wire/serialize.js'

const NONE: Framing = { kind: 'none' }
const CHUNKED: Framing = { kind: 'chunked' }
const HOST = ['Host', 'a.test']

const flat = (text: string): string[] =>
  text === ''
    ? []
    : text.split('\n').flatMap(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])
const lines = (head: string): string => head.slice(head.indexOf('\r\n') + 2, -4).replaceAll('\r\n', '\n')

/** Id, what it shows, the client's fields behind Host, what the upstream gets behind Host, framing. */
const REQUESTS: [string, string, string, string, Framing?][] = [
  ['rfc9110-7.6.1-01', 'Connection is removed', 'Connection: keep-alive\nA: b', 'A: b'],
  [
    'rfc9110-7.6.1-02',
    'and what it names, in any case',
    'X-One: 1\nConnection: x-one , X-TWO\nX-two: 2\nX-Three: 3',
    'X-Three: 3',
  ],
  ['rfc9110-7.6.1-03', 'in each of its lines', 'Connection: close\nX-One: 1\nX-Two: 2\nconnection: x-two', 'X-One: 1'],
  ['rfc9110-7.6.1-04', 'and all repeats of it', 'X-One: 1\nConnection: X-One\nx-one: 2', ''],
  ['rfc9110-7.6.1-05', 'Keep-Alive is removed unnamed', 'Keep-Alive: timeout=5', ''],
  ['rfc9110-7.6.1-06', 'Proxy-Connection is removed', 'Proxy-Connection: keep-alive', ''],
  ['rfc9110-7.6.1-07', 'TE is removed', 'TE: gzip', ''],
  [
    'rfc9110-7.6.1-08',
    'Upgrade is removed',
    'Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk',
    '',
  ],
  ['rfc9110-7.6.1-09', 'HTTP2-Settings is removed unnamed', 'HTTP2-Settings: AAMAAABk', ''],
  [
    'rfc9110-11.7.2-01',
    'Proxy-Authorization is ours',
    'Proxy-Authorization: Basic eDp5\nAuthorization: Bearer z',
    'Authorization: Bearer z',
  ],
  [
    'rfc9110-7.6.1-10',
    'names that only resemble are kept',
    'Connections: a\nTEE: b\nKeepAlive: c\nXpgrade: d\nTrailers: e',
    'Connections: a\nTEE: b\nKeepAlive: c\nXpgrade: d\nTrailers: e',
  ],
  ['rfc9110-7.6.1-11', 'order, case and repeats are kept', 'b: 1\nA: 2\nB: 3\na: 4', 'b: 1\nA: 2\nB: 3\na: 4'],
  [
    'rfc9110-7.6.1-50',
    'credentials cannot be named away',
    'Connection: Authorization, Cookie\nAuthorization: Bearer z\nCookie: a=b',
    'Authorization: Bearer z\nCookie: a=b',
  ],
  [
    'rfc9110-7.6.1-51',
    'nor the idempotency key and payment',
    'Connection: idempotency-key, x-payment, payment-signature\nIdempotency-Key: k\nX-PAYMENT: p\nPAYMENT-SIGNATURE: s',
    'Idempotency-Key: k\nX-PAYMENT: p\nPAYMENT-SIGNATURE: s',
  ],
  [
    'rfc9110-7.6.1-52',
    'nor Via and Content-Type',
    'Connection: via,content-type\nVia: 1.1 x\nContent-Type: text/plain',
    'Via: 1.1 x\nContent-Type: text/plain',
  ],
  [
    'rfc9110-7.6.1-53',
    'nor the framing',
    'Connection: content-length, transfer-encoding\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
    CHUNKED,
  ],
  [
    'rfc9110-10.1.4-01',
    'TE: trailers holds for our hop too',
    'Connection: TE\nTE: trailers, deflate;q=0.5\nA: b',
    'TE: trailers\nConnection: TE\nA: b',
  ],
  ['rfc9110-6.6.2-01', 'Trailer goes without a chunked body', 'Trailer: X-Sum', ''],
  [
    'rfc9110-6.6.2-02',
    'Trailer stays with one',
    'Trailer: X-Sum\nTransfer-Encoding: chunked',
    'Trailer: X-Sum\nTransfer-Encoding: chunked',
    CHUNKED,
  ],
  ['rfc9110-10.1.1-01', "Expect is the caller's to add", 'Expect: 100-continue\nA: b', 'A: b'],
  [
    'rfc9112-6.2-01',
    'Content-Length is written anew in its place',
    'A: b\ncontent-length: 007\nC: d',
    'A: b\nContent-Length: 7\nC: d',
    { kind: 'length', length: 7 },
  ],
  [
    'rfc9112-6.1-01',
    'a chunked request stays chunked',
    'A: b\ntransfer-encoding: Chunked\nC: d',
    'A: b\nTransfer-Encoding: chunked\nC: d',
    CHUNKED,
  ],
  [
    'rfc9112-6.2-02',
    'framing that the client did not name comes last',
    'A: b',
    'A: b\nContent-Length: 3',
    { kind: 'length', length: 3 },
  ],
  ['rfc9112-6.3-01', 'framing that no longer holds is gone', 'Content-Length: 5\nA: b', 'A: b'],
  [
    'rfc9112-6.2-03',
    'a length of zero is told',
    'Content-Length: 0',
    'Content-Length: 0',
    { kind: 'length', length: 0 },
  ],
]

test('F1: the upstream gets the end-to-end fields and only those', t => {
  for (const [id, name, sent, wanted, framing] of REQUESTS) {
    const head = requestHead('POST', '/', 'a.test', [...HOST, ...flat(sent)], framing ?? NONE, [])
    t.equal(lines(head), `Host: a.test${wanted === '' ? '' : `\n${wanted}`}`, `${id} ${name}`)
  }
  t.end()
})

/** Id, what it shows, the upstream's fields, what the client gets before `Via`. */
const ANSWERS: [string, string, string, string][] = [
  ['rfc9110-7.6.1-20', 'Connection and what it names', 'Connection: close, X-One\nX-One: 1\nA: b', 'A: b'],
  [
    'rfc9110-7.6.1-21',
    'Keep-Alive, Proxy-Connection, TE, Upgrade',
    'Keep-Alive: timeout=5\nProxy-Connection: close\nTE: a\nUpgrade: h2c\nA: b',
    'A: b',
  ],
  [
    'rfc9110-11.7.1-01',
    "the fields of another proxy's authentication",
    'Proxy-Authenticate: Basic\nProxy-Authentication-Info: a\nA: b',
    'A: b',
  ],
  [
    'rfc9112-6.1-20',
    'Transfer-Encoding goes, who writes the body frames it',
    'Transfer-Encoding: chunked\nA: b',
    'A: b',
  ],
  ['rfc9112-6.2-20', 'Content-Length stays', 'Content-Length: 5\nA: b', 'Content-Length: 5\nA: b'],
  [
    'rfc9110-6.6.2-20',
    'Trailer stays with a chunked answer',
    'Trailer: X-Sum\nTransfer-Encoding: Chunked',
    'Trailer: X-Sum',
  ],
  ['rfc9110-6.6.2-21', 'and goes with any other', 'Trailer: X-Sum\nContent-Length: 0', 'Content-Length: 0'],
  [
    'rfc9110-7.6.1-22',
    'challenges, cookies, waits and payments cannot be named away',
    'Connection: www-authenticate, set-cookie, retry-after, payment-required\nWWW-Authenticate: a\nSet-Cookie: b\nRetry-After: 1\nPAYMENT-REQUIRED: c',
    'WWW-Authenticate: a\nSet-Cookie: b\nRetry-After: 1\nPAYMENT-REQUIRED: c',
  ],
  ['rfc9110-7.6.3-01', 'an earlier Via stays in front of ours', 'Via: 1.1 a\nB: c', 'Via: 1.1 a\nB: c'],
  [
    'rfc9110-5.3-01',
    'order, case and repeats',
    'set-cookie: a\nB: c\nSet-Cookie: d',
    'set-cookie: a\nB: c\nSet-Cookie: d',
  ],
]

test('F1: the client gets the end-to-end fields and our Via', t => {
  for (const [id, name, sent, wanted] of ANSWERS) {
    t.same(answerFields(flat(sent), '1.1 m'), [...flat(wanted), 'Via', '1.1 m'], `${id} ${name}`)
  }
  t.end()
})

test('F1: trailers that frame, route, authorize, describe or end at a hop are not passed on', t => {
  const trailers = flat(
    'X-Sum: 1\nContent-Length: 5\nTransfer-Encoding: chunked\nhost: a\nConnection: close\nSet-Cookie: a=b\nRETRY-AFTER: 1\nX-Hop: 1\ngrpc-status: 0',
  )
  t.same(
    endToEndTrailers(trailers, ['Connection', 'x-hop']),
    flat('X-Sum: 1\ngrpc-status: 0'),
    'rfc9110-6.5.1-20, rfc9110-7.6.1-30',
  )
  t.equal(misplacedTrailer(trailers), 'Content-Length')
  t.equal(misplacedTrailer(['host-name', 'Host', 'X-Sum', 'cookie']), undefined, 'values are not looked at')
  t.end()
})
