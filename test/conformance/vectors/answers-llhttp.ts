import type { AnswerRow } from './answers-valid.js'

/**
 * The answers that llhttp tests itself with (nodejs/llhttp, test/response), by file and order there. Where we refuse
 * what it takes, the row begins with "stricter:".
 */
const OK = 'HTTP/1.1 200 OK\r\n'
const FAULT = ['fault http_protocol_error']
const CLOSE = 'head 200 "OK" 1.1 close close'
const CHUNKED = 'head 200 "OK" 1.1 chunked keep'
const H2C = 'Connection: upgrade\r\nUpgrade: h2c\r\n'
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\n${H2C}`
const UPGRADE = 'upgrade 101 "Switching Protocols" 1.1 none keep'

const CONNECTION: readonly AnswerRow[] = [
  [
    'llhttp-connection-01',
    'Proxy-Connection: close says nothing',
    `${OK}Content-Length: 11\r\nProxy-Connection: close\r\n\r\nhello world`,
    ['head 200 "OK" 1.1 length=11 keep', 'body hello world', 'end'],
  ],
  [
    'llhttp-connection-02',
    'HTTP/1.0 keep-alive without a length ends with the connection',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nHTTP/1.0 200 OK',
    ['head 200 "OK" 1.0 close close', 'body HTTP/1.0 200 OK', 'end'],
    { eof: true },
  ],
  [
    'llhttp-connection-03',
    'stricter: nothing may follow a 204 unasked',
    'HTTP/1.0 204 No content\r\nConnection: keep-alive\r\n\r\nHTTP/1.0 200 OK',
    ['head 204 "No content" 1.0 none keep', 'end', ...FAULT],
  ],
  [
    'llhttp-connection-04',
    'HTTP/1.1 without a length ends with the connection',
    `${OK}\r\nHTTP/1.1 200 OK`,
    [CLOSE, 'body HTTP/1.1 200 OK', 'end'],
    { eof: true },
  ],
  [
    'llhttp-connection-05',
    'stricter: nothing may follow a 204 unasked',
    'HTTP/1.1 204 No content\r\n\r\nHTTP/1.1 200 OK',
    ['head 204 "No content" 1.1 none keep', 'end', ...FAULT],
  ],
  [
    'llhttp-connection-06',
    'data behind a closing 204',
    'HTTP/1.1 204 No content\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK',
    ['head 204 "No content" 1.1 none close', 'end', ...FAULT],
  ],
  [
    'llhttp-connection-07',
    'data behind a closing answer',
    'HTTP/1.1 200 No content\r\nContent-Length: 5\r\nConnection: close\r\n\r\n2ad731e3',
    ['head 200 "No content" 1.1 length=5 close', 'body 2ad73', 'end', ...FAULT],
  ],
  [
    'llhttp-connection-08',
    '101 ends at its head, other than in llhttp: RFC 9112 §6.3 gives it no body',
    `${SWITCH}Content-Length: 4\r\n\r\n`,
    [UPGRADE, 'rest false'],
    { upgrade: true },
  ],
  [
    'llhttp-connection-09',
    'stricter: no Transfer-Encoding on 101',
    `${SWITCH}Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\nproto`,
    FAULT,
    { upgrade: true },
  ],
  [
    'llhttp-connection-10',
    'an Upgrade field in a 200 changes nothing',
    `${OK}${H2C}\r\nbody`,
    [CLOSE, 'body body', 'end'],
    { upgrade: true, eof: true },
  ],
  [
    'llhttp-connection-11',
    'nor with a length',
    `${OK}${H2C}Content-Length: 4\r\n\r\nbody`,
    ['head 200 "OK" 1.1 length=4 keep', 'body body', 'end'],
    { upgrade: true },
  ],
  [
    'llhttp-connection-12',
    'nor with chunks',
    `${OK}${H2C}Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`,
    [CHUNKED, 'body body', 'end'],
    { upgrade: true },
  ],
]

const LENGTH: readonly AnswerRow[] = [
  [
    'llhttp-content-length-01',
    'a closing answer without a length',
    `${OK}Content-Type: text/xml\r\nConnection: close\r\n\r\n<?xml?>\n<a>\n</a>`,
    [CLOSE, 'body <?xml?>\n<a>\n</a>', 'end'],
    { eof: true },
  ],
  [
    'llhttp-content-length-02',
    'Content-Length-X is some other field',
    `${OK}Content-Length-X: 0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n`,
    [CHUNKED, 'body OK', 'end'],
  ],
  [
    'llhttp-content-length-03',
    'the length of an answer to HEAD is not waited for',
    `${OK}Content-Length: 123\r\n\r\n`,
    ['head 200 "OK" 1.1 none keep', 'end'],
    { method: 'HEAD' },
  ],
  [
    'llhttp-content-length-04',
    'tabs around a length are optional whitespace',
    `${OK}Content-Length:\t2\t\r\n\r\nhi`,
    ['head 200 "OK" 1.1 length=2 keep', 'body hi', 'end'],
  ],
]

const INVALID: readonly AnswerRow[] = [
  ['llhttp-invalid-01', 'HTP', 'HTP/1.1 200 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-02', 'an extra digit in the major version', 'HTTP/01.1 200 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-03', 'an extra digit in the major version, once more', 'HTTP/11.1 200 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-04', 'an extra digit in the minor version', 'HTTP/1.01 200 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-05', 'a tab behind the version', 'HTTP/1.1\t200 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-06', 'a CR before the answer', '\rHTTP/1.1\t200 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-07', 'fields separated by CR', `${OK}Foo: 1\rBar: 2\r\n\r\n`, FAULT],
  ['llhttp-invalid-08', 'HTTP/5.6', 'HTTP/5.6 200 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-09', 'a space behind the start line', `${OK} Host: foo\r\n\r\n`, FAULT],
  ['llhttp-invalid-10', 'an extra space before the status', 'HTTP/1.1  200 OK\r\n\r\n', FAULT],
  [
    'llhttp-invalid-11',
    'an extra space before the reason belongs to it',
    'HTTP/1.1 200  OK\r\n\r\n',
    ['head 200 " OK" 1.1 close close', 'end'],
    { eof: true },
  ],
  ['llhttp-invalid-12', 'a status of one digit', 'HTTP/1.1 2 OK\r\n\r\n', FAULT],
  ['llhttp-invalid-13', 'only LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', FAULT],
  ['llhttp-invalid-14', 'only LF, with a body', 'HTTP/1.1 200 OK\nFoo: abc\nBar: def\n\nBODY\n', FAULT],
  [
    'llhttp-pipelining-01',
    'stricter: one request, one answer',
    `${OK}Content-Length: 3\r\n\r\nAAA\r\nHTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nBBBB`,
    ['head 200 "OK" 1.1 length=3 keep', 'body AAA', 'end', ...FAULT],
  ],
  ['llhttp-finish-01', 'the end behind an empty answer', `${OK}\r\n`, [CLOSE, 'end'], { eof: true }],
]

const SAMPLE: readonly AnswerRow[] = [
  [
    'llhttp-sample-01',
    'a simple answer',
    `${OK}Header1: Value1\r\nHeader2:\t Value2\r\nContent-Length: 0\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 keep', 'end'],
  ],
  ['llhttp-sample-02', 'stricter: RTSP is not HTTP', 'RTSP/1.1 200 OK\r\n\r\n', FAULT],
  ['llhttp-sample-03', 'stricter: ICE is not HTTP', 'ICE/1.1 200 OK\r\n\r\n', FAULT],
  ['llhttp-sample-04', 'HTTPER', 'HTTPER/1.1 200 OK\r\n\r\n', FAULT],
  ['llhttp-sample-05', 'an empty body has no chunk', `${OK}\r\n`, [CLOSE]],
  [
    'llhttp-sample-06',
    'spaces around a length, $ in a name',
    'HTTP/1.1 301 Moved Permanently\r\nX-$PrototypeBI-Version: 1.6.0.3\r\nContent-Length:  4  \r\n\r\n<a>\n',
    ['head 301 "Moved Permanently" 1.1 length=4 keep', 'body <a>\n', 'end'],
  ],
  [
    'llhttp-sample-07',
    'a value with quotes and commas, one LF in one chunk',
    'HTTP/1.1 301 MovedPermanently\r\np3p: policyref="http://a/p3p.xml",CP="CAO DSP "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n',
    ['head 301 "MovedPermanently" 1.1 chunked keep', 'body \n', 'end'],
  ],
  [
    'llhttp-sample-08',
    'no fields, no body',
    'HTTP/1.1 404 Not Found\r\n\r\n',
    ['head 404 "Not Found" 1.1 close close', 'end'],
    { eof: true },
  ],
  ['llhttp-sample-09', 'no reason', 'HTTP/1.1 301\r\n\r\n', ['head 301 "" 1.1 close close', 'end'], { eof: true }],
  [
    'llhttp-sample-10',
    'an empty reason',
    'HTTP/1.1 200 \r\n\r\n',
    ['head 200 "" 1.1 close close', 'end'],
    { eof: true },
  ],
  [
    'llhttp-sample-11',
    'no carriage return',
    'HTTP/1.1 200 OK\nContent-Type: text/html\nConnection: close\n\nthese',
    FAULT,
  ],
  [
    'llhttp-sample-12',
    'an underscore in a name',
    `${OK}Content-Length: 0\r\nDCLK_imp: v7;x;;~okv=;dcmt=text/xml;;~cs=o\r\n\r\n`,
    ['head 200 "OK" 1.1 length=0 keep', 'end'],
  ],
  [
    'llhttp-sample-13',
    'an empty value does not swallow the next line',
    'HTTP/1.0 301 Moved Permanently\r\nPragma: \r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n',
    ['head 301 "Moved Permanently" 1.0 length=0 keep', 'end'],
  ],
  [
    'llhttp-sample-14',
    'names that almost mean something',
    `${OK}.et-Cookie: a=b\r\n_eep-Alive: timeout=45\r\n_onnection: Keep-Alive\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
    ['head 200 "OK" 1.1 chunked close', 'end'],
  ],
  [
    'llhttp-sample-15',
    'a space in a name',
    `${OK}en-US Content-Type: text/xml\r\nContent-Length: 16\r\n\r\n<xml>hello</xml>`,
    FAULT,
  ],
  [
    'llhttp-sample-16',
    'UTF-8 in the reason',
    'HTTP/1.1 500 Ori\xc3\xabntatieprobleem\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ['head 500 "Ori\xc3\xabntatieprobleem" 1.1 length=0 close', 'end'],
  ],
  ['llhttp-sample-17', 'stricter: HTTP/0.9 has no status line', 'HTTP/0.9 200 OK\r\n\r\n', FAULT],
  [
    'llhttp-sample-18',
    'neither length nor coding',
    `${OK}Content-Type: text/plain\r\n\r\nhello world`,
    [CLOSE, 'body hello world', 'end'],
    { eof: true },
  ],
  ['llhttp-sample-19', 'stricter: no empty line before an answer', `\r\n${OK}Content-Length: 0\r\n\r\n`, FAULT],
]

const CODING: readonly AnswerRow[] = [
  [
    'llhttp-transfer-encoding-01',
    'an empty Transfer-Encoding',
    `${OK}Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello`,
    FAULT,
  ],
  [
    'llhttp-transfer-encoding-02',
    'spaces behind a chunk size',
    `${OK}Transfer-Encoding: chunked\r\n\r\n25  \r\nThis is the data in the first chunk\r\n\r\n`,
    [CHUNKED, ...FAULT],
  ],
  [
    'llhttp-transfer-encoding-03',
    'stricter: chunked before another coding',
    `${OK}Transfer-Encoding: chunked, deflate\r\n\r\nWorld`,
    FAULT,
  ],
  [
    'llhttp-transfer-encoding-04',
    'stricter: chunked, then identity',
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\nWorld`,
    FAULT,
  ],
  [
    'llhttp-transfer-encoding-05',
    'stricter: chunkedchunked',
    `${OK}Transfer-Encoding: chunkedchunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n`,
    FAULT,
  ],
  [
    'llhttp-transfer-encoding-06',
    'extensions',
    `${OK}Transfer-encoding: chunked\r\n\r\n5;ilovew3;somuchlove=aretheseparametersfor\r\nhello\r\n6;blahblah;blah\r\n world\r\n0\r\n\r\n`,
    [CHUNKED, 'body hello world', 'end'],
  ],
  [
    'llhttp-transfer-encoding-07',
    'no semicolon before extensions',
    `${OK}Transfer-encoding: chunked\r\n\r\n2 erfrferferf\r\naa\r\n0 rrrr\r\n\r\n`,
    [CHUNKED, ...FAULT],
  ],
  [
    'llhttp-transfer-encoding-08',
    'no extension behind a semicolon',
    `${OK}Transfer-encoding: chunked\r\n\r\n2;\r\naa\r\n0\r\n\r\n`,
    [CHUNKED, ...FAULT],
  ],
  [
    'llhttp-transfer-encoding-09',
    'quoted extensions',
    `${OK}Transfer-Encoding: chunked\r\n\r\n5;ilovew3="I love; extensions";blah;foo=bar\r\nhello\r\n0\r\n\r\n`,
    [CHUNKED, 'body hello', 'end'],
  ],
  [
    'llhttp-transfer-encoding-10',
    'a quote without an end',
    `${OK}Transfer-Encoding: chunked\r\n\r\n5;ilovew3="abc";somuchlove="def; ghi\r\nhello\r\n0\r\n\r\n`,
    [CHUNKED, ...FAULT],
  ],
  [
    'llhttp-transfer-encoding-11',
    'stricter: a folded coding',
    `${OK}Transfer-Encoding: chunked\r\n  abc\r\n\r\n5\r\nWorld\r\n0\r\n\r\n`,
    FAULT,
  ],
]

export const LLHTTP_ANSWERS: readonly AnswerRow[] = [...CONNECTION, ...LENGTH, ...INVALID, ...SAMPLE, ...CODING]
