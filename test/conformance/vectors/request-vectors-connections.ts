import {
  aged,
  ask,
  asked,
  chunked,
  chunks,
  get,
  gives,
  givesUp,
  got,
  inOrder,
  line,
  type Outcome,
  old,
  passes,
  passesAndCloses,
  post,
  posted,
  type RequestVector,
  refusesUnlikeNode,
  target,
  VIA,
} from './request-vector.js'

const HELLO = '5\r\nhello\r\n0\r\n\r\n'
const aaa = `${ask('POST', '/aaa', 'Content-Length: 3')}AAA`
const gotAaa = `${asked('POST', '/aaa', 'Content-Length: 3')}AAA`
const bbb = `${ask('PUT', '/bbb', 'Content-Length: 4')}BBBB`
const gotBbb = `${asked('PUT', '/bbb', 'Content-Length: 4')}BBBB`
const ccc = `${ask('PATCH', '/ccc', 'Content-Length: 5')}CCCCC`
const gotCcc = `${asked('PATCH', '/ccc', 'Content-Length: 5')}CCCCC`
const SMUGGLED = ask('GET', '/smuggled')
const INNER = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

const PERSISTENCE: readonly RequestVector[] = [
  ...['keep-alive', 'Keep-Alive', 'closed', 'closee', '"close"', 'close;q=1', 'x', ',,', 'upgrade, keep-alive'].map(
    value => passes(`Connection: ${value}`, get(`Connection: ${value}`), got()),
  ),
  ...[
    'close',
    'Close',
    'CLOSE',
    'x, close',
    'close,',
    ',close',
    'keep-alive, close',
    'close, keep-alive',
    'close, token, upgrade, token, keep-alive',
  ].map(value => passesAndCloses(`Connection: ${value}`, get(`Connection: ${value}`), got())),
  passes('keep-alive twice', get('Connection: keep-alive', 'Connection: keep-alive'), got()),
  passesAndCloses(
    'keep-alive, and close on another line',
    get('Connection: keep-alive', 'A: b', 'Connection: close'),
    got('A: b'),
  ),
  passesAndCloses('Proxy-Connection: close', get('Proxy-Connection: close'), got()),
  passes('Proxy-Connection: keep-alive', get('Proxy-Connection: keep-alive'), got()),
  passes('the fields of a browser of old', get('Keep-Alive: 300', 'Connection: keep-alive', 'A: b'), got('A: b')),
  passes(
    'a length named by Connection, with its body',
    post('hello', 'Connection: content-length', 'Content-Length: 5'),
    posted('hello', 'Content-Length: 5'),
  ),
  passesAndCloses('HTTP/1.0 without a field', old('PUT'), aged(asked('PUT', '/'))),
  passesAndCloses('HTTP/1.0 with another Connection', old('GET', 'Connection: x'), aged(got())),
  passesAndCloses('HTTP/1.0 with close', old('GET', 'Connection: close'), aged(got())),
  passesAndCloses('HTTP/1.0 with close and keep-alive', old('GET', 'Connection: close, keep-alive'), aged(got())),
  passes('HTTP/1.0 with keep-alive', old('GET', 'Connection: keep-alive'), aged(got())),
  passes(
    'HTTP/1.0 with keep-alive and a body',
    `${old('POST', 'Connection: keep-alive', 'Content-Length: 5')}hello`,
    aged(posted('hello', 'Content-Length: 5')),
  ),
]

const closing = (text: string): string => text.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')

export const THREE_IN_ONE_PIECE = inOrder(
  'three with bodies in one piece',
  aaa + bbb + ccc,
  [200, 200, 200],
  gotAaa + gotBbb + gotCcc,
)

const PIPELINES: readonly RequestVector[] = [
  inOrder('two requests in one piece', get() + ask('GET', '/b'), [200, 200], got() + asked('GET', '/b')),
  THREE_IN_ONE_PIECE,
  inOrder(
    'ten in one piece',
    get().repeat(10),
    Array.from({ length: 10 }, () => 200),
    got().repeat(10),
  ),
  inOrder('a HEAD before a GET', ask('HEAD', '/a') + get(), [200, 200], asked('HEAD', '/a') + got()),
  inOrder(
    'keep-alive said twice',
    ask('PUT', '/a', 'Connection: keep-alive').repeat(2),
    [200, 200],
    asked('PUT', '/a').repeat(2),
  ),
  inOrder(
    'a length of zero before a request',
    ask('POST', '/a', 'Content-Length: 0') + get(),
    [200, 200],
    asked('POST', '/a', 'Content-Length: 0') + got(),
  ),
  inOrder('an empty line between two', `${aaa}\r\n${get()}`, [200, 200], gotAaa + got()),
  inOrder('three empty lines between two', `${aaa}\r\n\r\n\r\n${get()}`, [200, 200], gotAaa + got()),
  inOrder('LF between two', `${aaa}\n${get()}`, [200, 200], gotAaa + got()),
  inOrder('a clean one before a chunked one', aaa + chunks(HELLO), [200, 200], gotAaa + chunked(HELLO)),
  inOrder('a chunked one before a clean one', chunks(HELLO) + aaa, [200, 200], chunked(HELLO) + gotAaa),
  inOrder(
    'clean, chunked, clean, chunked',
    (aaa + chunks(HELLO)).repeat(2),
    [200, 200, 200, 200],
    (gotAaa + chunked(HELLO)).repeat(2),
  ),
  inOrder(
    'trailers before a clean one',
    chunks('0\r\nA: b\r\n\r\n') + get(),
    [200, 200],
    chunked('0\r\nA: b\r\n\r\n') + got(),
  ),
  inOrder(
    'a request to the proxy between two',
    get() + line('OPTIONS * HTTP/1.1') + get(),
    [200, 200, 200],
    got() + got(),
  ),
  inOrder('a request to nobody between two', get() + target('/x') + get(), [200, 404, 200], got() + got()),
  inOrder('a clean one before HTTP/1.0, and closes', aaa + old('GET'), [200, 200], gotAaa + aged(got()), 'closed'),
  inOrder('what comes before a close', get() + closing(get()), [200, 200], got() + got(), 'closed'),
  inOrder('nothing behind a close', closing(get()) + SMUGGLED, [200], got(), 'closed'),
  inOrder('nothing behind a close with a body', closing(aaa) + SMUGGLED, [200], gotAaa, 'closed'),
  inOrder(
    'nothing behind a close with a body and an empty line',
    `${closing(aaa)}\r\n${SMUGGLED}`,
    [200],
    gotAaa,
    'closed',
  ),
  inOrder('nothing behind HTTP/1.0', old('PUT') + SMUGGLED, [200], aged(asked('PUT', '/')), 'closed'),
  inOrder('nothing malformed behind a close', `${closing(get())}\0\0`, [200], got(), 'closed'),
  inOrder(
    'a body that was to be short of the next request',
    `${ask('POST', '/a', `Content-Length: ${INNER.length}`)}${INNER}${aaa}`,
    [200, 200],
    `${asked('POST', '/a', `Content-Length: ${INNER.length}`)}${INNER}${gotAaa}`,
  ),
  ...(
    [
      ['a fragment', target('http://UP/#a')],
      ['a NUL', '\0'],
      ['HTTP/0.9', 'GET http://UP/\r\n\r\n'],
      ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['a space too much', ` ${get()}`],
      ['a length and a coding', post(HELLO, 'Content-Length: 5', 'Transfer-Encoding: chunked')],
      ['no Host', 'GET http://UP/ HTTP/1.1\r\n\r\n'],
      ['a folded line', get('A: b', ' c')],
      ['a user', target('http://a@UP/')],
      ['what a body has too much', `\0\0${get()}`],
    ] as const
  ).map(([what, second]) =>
    inOrder(`a clean one before ${what}, and closes`, aaa + second + SMUGGLED, [200, 400], gotAaa, 'closed'),
  ),
]

const refusedBehind: Outcome = { answers: [200, 400], reaches: gotAaa, after: 'closed' }

const PARTLY: readonly RequestVector[] = [
  ['a chunk size that is none', chunks('x\r\nhello\r\n0\r\n\r\n')],
  ['no line end behind a chunk', chunks('5\r\nhello0\r\n\r\n')],
  ['a trailer without a colon', chunks('0\r\nA\r\n\r\n')],
].map(([what, second]) => ({
  name: `it answers two clean ones before one with ${what}, and breaks that off`,
  sent: aaa + bbb + second + SMUGGLED,
  outcome: { answers: [200, 200, 400], reaches: undefined, after: 'closed' },
}))

const ONE_LANE: readonly RequestVector[] = [
  {
    name: 'a letter behind a body begins a method, which node:http does not know',
    sent: `${aaa}X${get()}`,
    outcome: { answers: [200, 200], reaches: gotAaa + asked('XGET', '/'), after: 'open' },
    onNode: refusedBehind,
  },
  {
    name: 'a method that nobody has registered comes behind a clean one, and node:http does not know it',
    sent: aaa + ask('BREW', '/pot'),
    outcome: { answers: [200, 200], reaches: gotAaa + asked('BREW', '/pot'), after: 'open' },
    onNode: refusedBehind,
  },
]

const expect = 'Expect: 100-continue'
/** Ours goes last. */
const expecting = (body: string, framing: string): string => posted(body, framing).replace(VIA, `${VIA}${expect}\r\n`)

const EXPECTATIONS: readonly RequestVector[] = [
  inOrder(
    'an expectation first, then the request',
    post('hello', expect, 'Content-Length: 5'),
    [100, 200],
    expecting('hello', 'Content-Length: 5'),
  ),
  inOrder(
    'an expectation of a chunked body',
    chunks(HELLO, expect),
    [100, 200],
    expecting(HELLO, 'Transfer-Encoding: chunked'),
  ),
  inOrder(
    'an expectation behind a clean one',
    aaa + post('hello', expect, 'Content-Length: 5'),
    [200, 100, 200],
    gotAaa + expecting('hello', 'Content-Length: 5'),
  ),
  inOrder(
    'an expectation before a clean one',
    post('hello', expect, 'Content-Length: 5') + aaa,
    [100, 200, 200],
    expecting('hello', 'Content-Length: 5') + gotAaa,
  ),
  inOrder(
    'an expectation of a body of nothing',
    post('', expect, 'Content-Length: 0'),
    [100, 200],
    expecting('', 'Content-Length: 0'),
  ),
  refusesUnlikeNode('an expectation behind blanks that is another', get('Expect:   100-continues'), 417),
  refusesUnlikeNode('an expectation in quotes', get('Expect: "100-continue"'), 417),
]

const ENDS: readonly RequestVector[] = [
  gives('nothing at all', '', []),
  gives('one letter', 'G', [400]),
  gives('an empty line', '\r\n', []),
  gives('half a method', 'GE', [400]),
  gives('half a target', 'GET http://U', [400]),
  gives('half a version', 'GET http://UP/ HTTP/1.', [400]),
  gives('a request line', 'GET http://UP/ HTTP/1.1\r\n', [400]),
  gives('half a field', 'PUT http://UP/ HTTP/1.1\r\nHost: UP\r\nContent-Leng', [400]),
  gives('a head without its last LF', get().slice(0, -1), [400]),
  gives('a head without its empty line', get().slice(0, -2), [400]),
  givesUp('a head without its body', ask('PUT', '/', 'Content-Length: 100')),
  givesUp('half a body', post('hell', 'Content-Length: 5')),
  givesUp('half a chunk', chunks('5\r\nhel')),
  givesUp('half a chunk size', chunks('5')),
  givesUp('a chunk without the last one', chunks('5\r\nhello\r\n')),
  givesUp('a last chunk without its end', chunks('5\r\nhello\r\n0\r\n')),
  givesUp('half a trailer', chunks('0\r\nA: b')),
]

const TUNNELS: readonly RequestVector[] = [
  ['HTTP/1.1', 'CONNECT UP HTTP/1.1\r\nHost: UP\r\n\r\n'],
  [
    'HTTP/1.0',
    'CONNECT UP HTTP/1.0\r\nUser-Agent: Mozilla/1.1N\r\nProxy-Authorization: basic aGVsbG86d29ybGQ=\r\n\r\n',
  ],
  ['HTTP/1.1 with a name in capitals', 'CONNECT LOCALHOST:PORT HTTP/1.1\r\nHost: LOCALHOST:PORT\r\n\r\n'],
].map(([what, head]) => ({
  name: `it opens a tunnel for ${what}, and what comes behind goes through it as it is`,
  sent: `${head}SSH-2.0-a\r\nand yet even more data`,
  outcome: { answers: [200], reaches: 'SSH-2.0-a\r\nand yet even more data', after: 'tunnel' },
}))

/** What stays open, what comes in a row, and what ends too soon. */
export const CONNECTION_VECTORS: readonly RequestVector[] = [
  ...PERSISTENCE,
  ...PIPELINES,
  ...PARTLY,
  ...ONE_LANE,
  ...EXPECTATIONS,
  ...ENDS,
  ...TUNNELS,
]
