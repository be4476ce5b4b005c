import { test } from 'tap'
import { checkRequest } from '../../src/http/request-fields.js'

const flat = (text: string): string[] =>
  text === ''
    ? []
    : text.split('\n').flatMap(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])
const HOST = 'Host: a.test'
const none = { kind: 'none' }
const chunked = { kind: 'chunked' }
const length = (n: number) => ({ kind: 'length', length: n })

test('F2: a request that has one reading is let through with it', t => {
  const rows: [string, string, string, object, string?, string?][] = [
    ['rfc9112-6.3-01', 'no framing, no body', HOST, none],
    ['rfc9112-6.3-02', 'no framing on POST either', HOST, none, 'POST'],
    ['rfc9112-6.2-01', 'a length', `${HOST}\nContent-Length: 5`, length(5), 'POST'],
    ['rfc9112-6.2-02', 'a length of zero is not the same as none', `${HOST}\ncontent-length: 0`, length(0), 'POST'],
    ['rfc9112-6.2-03', 'a length on GET', `${HOST}\nContent-Length: 5`, length(5)],
    ['rfc9112-6.1-01', 'chunked', `${HOST}\nTransfer-Encoding: chunked`, chunked, 'POST'],
    ['rfc9112-6.1-02', 'chunked in any case', `${HOST}\nTRANSFER-ENCODING: ChUnKeD`, chunked, 'POST'],
    ['rfc9112-6.1-03', 'chunked on DELETE', `${HOST}\nTransfer-Encoding: chunked`, chunked, 'DELETE'],
    ['rfc9110-9.3.6-01', 'CONNECT', 'Host: a.test:443', none, 'CONNECT'],
    ['rfc9110-9.3.6-02', 'CONNECT with a length of zero', 'Host: a.test:443\nContent-Length: 0', length(0), 'CONNECT'],
    ['rfc9112-3.2-01', 'HTTP/1.0 without Host', '', none, 'GET', '1.0'],
    ['rfc9112-3.2-02', 'HTTP/1.0 with a length', 'Content-Length: 5', length(5), 'POST', '1.0'],
    ['rfc9110-7.2-01', 'Host with a port', 'Host: a.test:8080', none],
    ['rfc9110-7.2-02', 'Host with an IPv6 address', 'Host: [::1]:8080', none],
    ['rfc9112-6.2-04', 'a field that resembles', `${HOST}\nContent_Length: 5\nX-Content-Length: 6`, none],
  ]
  for (const [id, name, fields, framing, method, version] of rows) {
    t.match(checkRequest(flat(fields), method ?? 'GET', version ?? '1.1'), { framing }, `${id} ${name}`)
  }
  t.end()
})

test('F2: a request that two readers could frame or route differently is refused', t => {
  const rows: [string, string, string, string?, string?, number?][] = [
    ['rfc9112-6.3-50', 'length and coding', `${HOST}\nContent-Length: 5\nTransfer-Encoding: chunked`],
    ['rfc9112-6.3-51', 'coding and length', `${HOST}\nTransfer-Encoding: chunked\nContent-Length: 5`],
    ['rfc9112-6.3-52', 'two lengths', `${HOST}\nContent-Length: 5\nContent-Length: 6`],
    ['rfc9112-6.3-53', 'one length twice', `${HOST}\nContent-Length: 5\ncontent-length: 5`],
    ['rfc9112-6.3-54', 'a list of lengths', `${HOST}\nContent-Length: 5, 5`],
    ['rfc9110-8.6-50', 'a signed length', `${HOST}\nContent-Length: +5`],
    ['rfc9110-8.6-51', 'a negative length', `${HOST}\nContent-Length: -5`],
    ['rfc9110-8.6-52', 'a hexadecimal length', `${HOST}\nContent-Length: 0x5`],
    ['rfc9110-8.6-53', 'an empty length', `${HOST}\nContent-Length: `],
    ['rfc9110-8.6-54', 'a length that no double holds', `${HOST}\nContent-Length: 9007199254740993`],
    ['rfc9110-8.6-55', 'a length in other digits', `${HOST}\nContent-Length: 5\xb2`],
    ['rfc9112-6.1-50', 'identity', `${HOST}\nTransfer-Encoding: identity`],
    ['rfc9112-6.1-51', 'chunked twice', `${HOST}\nTransfer-Encoding: chunked, chunked`],
    ['rfc9112-6.1-52', 'chunked in two lines', `${HOST}\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked`],
    [
      'rfc9112-6.1-53',
      'gzip, then chunked, in two lines',
      `${HOST}\nTransfer-Encoding: gzip\nTransfer-Encoding: chunked`,
    ],
    ['rfc9112-6.1-54', 'chunked, then gzip', `${HOST}\nTransfer-Encoding: chunked, gzip`],
    ['rfc9112-6.1-55', 'xchunked', `${HOST}\nTransfer-Encoding: xchunked`],
    ['rfc9112-6.1-56', 'chunked with a comma', `${HOST}\nTransfer-Encoding: chunked,`],
    ['rfc9112-6.1-57', 'chunked with a parameter', `${HOST}\nTransfer-Encoding: chunked;q=1`],
    ['rfc9112-6.1-58', 'an empty coding', `${HOST}\nTransfer-Encoding: `],
    ['rfc9112-6.1-59', 'chunked in HTTP/1.0', `${HOST}\nTransfer-Encoding: chunked`, 'POST', '1.0'],
    [
      'rfc9112-6.1-60',
      'a coding that we do not know how to undo',
      `${HOST}\nTransfer-Encoding: gzip, chunked`,
      'POST',
      '1.1',
      501,
    ],
    ['rfc9112-3.2-50', 'no Host in HTTP/1.1', ''],
    ['rfc9112-3.2-51', 'two Hosts', `${HOST}\nhost: a.test`],
    ['rfc9112-3.2-52', 'two Hosts in HTTP/1.0', `${HOST}\nHost: b.test`, 'GET', '1.0'],
    ['rfc9110-7.2-50', 'an empty Host', 'Host: '],
    ['rfc9110-7.2-51', 'a list of hosts', 'Host: a.test, b.test'],
    ['rfc9110-7.2-52', 'a Host with a path', 'Host: a.test/b'],
    ['rfc9110-7.2-53', 'a Host with user information', 'Host: u@a.test'],
    ['rfc9110-7.2-54', 'a Host with a space', 'Host: a.test b'],
    ['rfc9110-7.2-55', 'a Host with an empty port', 'Host: a.test:'],
    ['rfc9110-7.2-56', 'a Host with a port that is none', 'Host: a.test:b'],
    ['rfc9110-7.2-57', 'a percent-encoded Host', 'Host: a%2etest'],
    ['rfc9110-7.2-58', 'a Host with a scheme', 'Host: http://a.test'],
    ['rfc9110-9.3.8-50', 'TRACE with a body', `${HOST}\nContent-Length: 1`, 'TRACE'],
    ['rfc9110-9.3.8-51', 'TRACE with chunks', `${HOST}\nTransfer-Encoding: chunked`, 'TRACE'],
    ['rfc9110-9.3.6-50', 'CONNECT with a body', `${HOST}\nContent-Length: 1`, 'CONNECT'],
    ['rfc9110-9.3.6-51', 'CONNECT with chunks', `${HOST}\nTransfer-Encoding: chunked`, 'CONNECT'],
    ['rfc9112-2.3-50', 'HTTP/2.0 in text', HOST, 'GET', '2.0'],
    ['rfc9112-2.3-51', 'HTTP/0.9', '', 'GET', '0.9'],
    ['rfc9110-10.1.1-50', 'an unknown expectation', `${HOST}\nExpect: tea`, 'POST', '1.1', 417],
    ['rfc9110-10.1.1-51', 'two expectations', `${HOST}\nExpect: 100-continue\nExpect: tea`, 'POST', '1.1', 417],
    ['rfc6585-5-50', 'more fields than we look at', `${HOST}${'\nA: b'.repeat(200)}`, 'GET', '1.1', 431],
  ]
  for (const [id, name, fields, method, version, status] of rows) {
    const verdict = checkRequest(flat(fields), method ?? 'POST', version ?? '1.1')
    t.equal('refuse' in verdict && (verdict.status ?? 400), status ?? 400, `${id} ${name}`)
  }
  t.end()
})

test('L6: an expectation counts where a body follows and HTTP/1.1 is spoken', t => {
  const rows: [string, string, string, boolean][] = [
    ['rfc9110-10.1.1-01', 'Content-Length: 5\nExpect: 100-Continue', '1.1', true],
    ['rfc9110-10.1.1-02', 'Transfer-Encoding: chunked\nExpect: 100-continue', '1.1', true],
    ['rfc9110-10.1.1-03', 'Expect: 100-continue', '1.1', false],
    ['rfc9110-10.1.1-04', 'Content-Length: 5\nExpect: 100-continue', '1.0', false],
    ['rfc9110-10.1.1-05', 'Content-Length: 5', '1.1', false],
  ]
  for (const [id, fields, version, expectContinue] of rows) {
    t.match(checkRequest(flat(`${HOST}\n${fields}`), 'POST', version), { expectContinue }, id)
  }
  t.end()
})
