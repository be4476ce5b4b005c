import type { AnswerOptions } from '../../support/parse-answer.js'

/** Id by section, what it shows, the bytes (latin1), the events without their field lines, and the circumstances. */
export type AnswerRow = readonly [string, string, string, readonly string[], AnswerOptions?]

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`

export const VALID_ANSWERS: readonly AnswerRow[] = [
  [
    'rfc9112-4-01',
    'a reason phrase may hold spaces and obs-text',
    'HTTP/1.1 404 N\xf6 such  th\xefng\r\nContent-Length: 0\r\n\r\n',
    ['head 404 "N\xf6 such  th\xefng" 1.1 length=0 keep', 'end'],
  ],
  [
    'rfc9112-4-02',
    'a reason phrase may be empty',
    'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
    ['head 200 "" 1.1 length=0 keep', 'end'],
  ],
  [
    'rfc9112-4-03',
    'the space before a missing reason is often missing too',
    'HTTP/1.1 301\r\nContent-Length: 0\r\n\r\n',
    ['head 301 "" 1.1 length=0 keep', 'end'],
  ],
  [
    'rfc9112-4-04',
    'unknown statuses up to 599 pass',
    'HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n',
    ['head 599 "" 1.1 length=0 keep', 'end'],
  ],
  [
    'rfc9112-6.2-01',
    'a Content-Length body',
    `${OK}Content-Length: 5\r\n\r\nhello`,
    ['head 200 "OK" 1.1 length=5 keep', 'body hello', 'end'],
  ],
  [
    'rfc9112-6.2-02',
    'a body that looks like a head is a body',
    `${OK}Content-Length: 19\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`,
    ['head 200 "OK" 1.1 length=19 keep', 'body HTTP/1.1 200 OK\r\n\r\n', 'end'],
  ],
  [
    'rfc9112-6.2-03',
    'zero digits before a length change nothing',
    `${OK}Content-Length: 0005\r\n\r\nhello`,
    ['head 200 "OK" 1.1 length=5 keep', 'body hello', 'end'],
  ],
  [
    'rfc9112-6.2-04',
    'names are compared without case',
    `${OK}cOnTeNt-LeNgTh: 2\r\n\r\nhi`,
    ['head 200 "OK" 1.1 length=2 keep', 'body hi', 'end'],
  ],
  [
    'rfc9112-6.3-01',
    'HEAD has no body whatever Content-Length says',
    `${OK}Content-Length: 5\r\n\r\n`,
    ['head 200 "OK" 1.1 none keep', 'end'],
    { method: 'HEAD' },
  ],
  [
    'rfc9112-6.3-02',
    'HEAD has no body whatever Transfer-Encoding says',
    CHUNKED,
    ['head 200 "OK" 1.1 none keep', 'end'],
    { method: 'HEAD' },
  ],
  [
    'rfc9112-6.3-03',
    '304 has no body whatever Content-Length says',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    ['head 304 "Not Modified" 1.1 none keep', 'end'],
  ],
  [
    'rfc9112-6.3-04',
    '204 has no body',
    'HTTP/1.1 204 No Content\r\n\r\n',
    ['head 204 "No Content" 1.1 none keep', 'end'],
  ],
  [
    'rfc9110-8.6-01',
    'a forbidden Content-Length on 204 frames nothing',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    ['head 204 "No Content" 1.1 none keep', 'end'],
  ],
  [
    'rfc9112-6.3-05',
    'without framing the body ends with the connection',
    `${OK}\r\nhello`,
    ['head 200 "OK" 1.1 close close', 'body hello', 'end'],
    { eof: true },
  ],
  ['rfc9112-6.3-06', 'and it may be empty', `${OK}\r\n`, ['head 200 "OK" 1.1 close close', 'end'], { eof: true }],
  [
    'rfc9112-6.3-07',
    'a body of unknown length goes on until the end of the connection',
    `${OK}\r\nhello`,
    ['head 200 "OK" 1.1 close close', 'body hello'],
  ],
  [
    'rfc9112-7.1-01',
    'chunks are joined',
    `${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'body hello', 'end'],
  ],
  ['rfc9112-7.1-02', 'an empty chunked body', `${CHUNKED}0\r\n\r\n`, ['head 200 "OK" 1.1 chunked keep', 'end']],
  [
    'rfc9112-7.1-03',
    'sizes are hexadecimal in any case',
    `${CHUNKED}a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'body 01234567890123456789a', 'end'],
  ],
  [
    'rfc9112-7.1-04',
    'sizes may have leading zeros',
    `${CHUNKED}0002\r\nhe\r\n000\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'body he', 'end'],
  ],
  [
    'rfc9112-7.1-05',
    'data may look like chunks',
    `${CHUNKED}5\r\n0\r\n\r\n\r\n0\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'body 0\r\n\r\n', 'end'],
  ],
  [
    'rfc9112-7.1.1-01',
    'extensions are dropped',
    `${CHUNKED}2;a;b=c;d="e;\\"\\\\ f"\r\nhi\r\n0;last\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'body hi', 'end'],
  ],
  [
    'rfc9112-7.1.1-02',
    'whitespace within extensions is taken',
    `${CHUNKED}2; a = b\r\nhi\r\n0\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'body hi', 'end'],
  ],
  [
    'rfc9112-7.1.2-01',
    'trailers come with the end',
    `${CHUNKED}0\r\nX-Sum: 1\r\nX-More:  2 \r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'end', '  X-Sum=1', '  X-More=2'],
  ],
  [
    'rfc9110-6.5.1-01',
    'trailers that would frame or route are dropped',
    `${CHUNKED}0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: a\r\nConnection: close\r\nX-Sum: 1\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'end', '  X-Sum=1'],
  ],
  [
    'rfc9112-7-01',
    'coding names are compared without case',
    `${OK}Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked keep', 'end'],
  ],
  [
    'rfc9112-9.3-01',
    'close ends the connection',
    `${OK}Content-Length: 0\r\nConnection: X-A, Close\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 close', 'end'],
  ],
  [
    'rfc9112-9.3-02',
    'close wins over keep-alive',
    `${OK}Content-Length: 0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 close', 'end'],
  ],
  [
    'rfc9112-9.3-03',
    'HTTP/1.0 closes',
    'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    ['head 200 "OK" 1.0 length=0 close', 'end'],
  ],
  [
    'rfc9112-9.3-04',
    'unless it says keep-alive',
    'HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n',
    ['head 200 "OK" 1.0 length=0 keep', 'end'],
  ],
  [
    'rfc9112-9.3-05',
    'an option that merely contains close is another option',
    `${OK}Content-Length: 0\r\nConnection: closed\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 keep', 'end'],
  ],
  [
    'rfc9110-15.2-01',
    'interim answers come before the final one',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    [
      'interim 100 "Continue" 1.1 none keep',
      'interim 103 "Early Hints" 1.1 none keep',
      'head 200 "OK" 1.1 length=0 keep',
      'end',
    ],
  ],
  [
    'rfc9110-15.2.2-01',
    '101 that was asked for ends HTTP',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ['upgrade 101 "Switching Protocols" 1.1 none keep', 'rest false'],
    { upgrade: true },
  ],
  [
    'rfc9110-15.2.2-02',
    'an upgrade that was refused is an ordinary answer',
    'HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno',
    ['head 401 "No" 1.1 length=2 keep', 'body no', 'end'],
    { upgrade: true },
  ],
  [
    'rfc9110-5.5-01',
    'obs-text and tabs stay in values',
    `${OK}X: a\tb \xe9\xff\r\nContent-Length: 0\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 keep', 'end'],
  ],
  [
    'rfc9110-5.4-01',
    'a head may be as large as the limit',
    `${OK}X: ${'a'.repeat(40)}\r\nContent-Length: 0\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 keep', 'end'],
    { headBytes: 83 },
  ],
]

/** Complete answers with something behind them: they end, and then the connection is at fault. */
export const ANSWERS_WITH_SURPLUS: readonly AnswerRow[] = [
  [
    'rfc9112-6.3-10',
    'bytes behind a Content-Length body',
    `${OK}Content-Length: 2\r\n\r\nhi!`,
    ['head 200 "OK" 1.1 length=2 keep', 'body hi', 'end'],
  ],
  [
    'rfc9112-6.3-11',
    'a whole second answer',
    `${OK}Content-Length: 0\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 keep', 'end'],
  ],
  [
    'rfc9112-6.3-12',
    'the body that a 204 announced',
    'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi',
    ['head 204 "No Content" 1.1 none keep', 'end'],
  ],
  [
    'rfc9112-6.3-13',
    'the body that an answer to HEAD announced',
    `${OK}Content-Length: 2\r\n\r\nhi`,
    ['head 200 "OK" 1.1 none keep', 'end'],
    { method: 'HEAD' },
  ],
  [
    'rfc9112-6.3-14',
    'the body that a 304 announced',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi',
    ['head 304 "Not Modified" 1.1 none keep', 'end'],
  ],
  ['rfc9112-7.1-10', 'bytes behind the last chunk', `${CHUNKED}0\r\n\r\n0`, ['head 200 "OK" 1.1 chunked keep', 'end']],
  [
    'rfc9112-2.2-10',
    'an extra empty line behind a body',
    `${OK}Content-Length: 2\r\n\r\nhi\r\n`,
    ['head 200 "OK" 1.1 length=2 keep', 'body hi', 'end'],
  ],
]
