import {
  aged,
  ask,
  asked,
  get,
  got,
  old,
  passes,
  passesAndCloses,
  post,
  posted,
  type RequestVector,
  refuses,
  refusesUnlikeNode,
} from './request-vector.js'

const control = (code: number): string => `\\x${code.toString(16).padStart(2, '0')}`
/** All but HTAB, LF and CR. */
const CONTROLS = Array.from({ length: 0x20 }, (_, code) => code).filter(code => ![0x09, 0x0a, 0x0d].includes(code))
const SEPARATORS = [...'(),/;<=>?@[\\]{}"']
const HIDDEN = 'Transfer-Encoding: chunked'
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

const NAMES: readonly RequestVector[] = [
  ...SEPARATORS.map(character => refuses(`a name with ${character}`, get(`A${character}b: c`))),
  ...CONTROLS.map(code => refuses(`a name with ${control(code)}`, get(`A${String.fromCharCode(code)}b: c`))),
  refuses('a name of 255', get('\xff: b')),
  refuses('a name that ends in LF', get('A\n: b')),
  refuses('a name that ends in CR', get('A\r: b')),
  refuses('a name with CR for a hyphen', post('abc', 'Content\rLength: 3')),
  refuses('a name with LF for a hyphen', post('abc', 'Content\nLength: 3')),
  refuses('a name that breaks off', get('Host2', 'A: b')),
  refuses('a name that breaks off in CR and control bytes', get('Connection\r\x1b5\xd5eep-Alive', 'A: b')),
  refuses('a colon alone', get(':')),
  refuses('a space and a colon', get(' : b')),
  refuses('a name on a line of its own', get('name', ' : value')),
  refuses('a name on a line of its own, with no more', get('name')),
  refuses('a space before the first name', 'GET http://UP/ HTTP/1.1\r\n Host: UP\r\n\r\n'),
  refuses('a tab before the first name', 'GET http://UP/ HTTP/1.1\r\n\tHost: UP\r\n\r\n'),
  refuses('a NUL before a name', get('\0A: b')),
  refuses('a second request line', get('GET http://UP/ HTTP/1.1')),
  refuses('a second request line behind a name', get('A GET http://UP/ HTTP/1.1')),
  passes('a name of one hyphen', get('-: b'), got('-: b')),
  passes('a name of one digit', get('1: b'), got('1: b')),
  passes('a name of 8,000 characters', get(`${'a'.repeat(8_000)}: b`), got(`${'a'.repeat(8_000)}: b`)),
]

const VALUES: readonly RequestVector[] = [
  ...CONTROLS.map(code => refuses(`a value with ${control(code)}`, get(`A: b${String.fromCharCode(code)}c`))),
  refuses('a value that begins with a NUL', get('A:\0b')),
  refuses('a value that begins with a form feed', get('A: \f')),
  refuses('a value that begins with DEL', get('A: \x7fb')),
  passes('a value right behind its colon', get('A:b'), got('A: b')),
  passes('a value with blanks around it', get('A:   b c   '), got('A: b c')),
  passes('a value behind tabs', get('A:\t \tb'), got('A: b')),
  passes('a value of blanks', get('A:     '), got('A: ')),
  passes('a value with colons', get('A::b:: c'), got('A: :b:: c')),
  passes('a value of plus signs', get('aaaaaaaaaaaaa:++++++++++'), got('aaaaaaaaaaaaa: ++++++++++')),
  passes('a value in quotes with an escape', get('A: "b\\"c, d"'), got('A: "b\\"c, d"')),
  passes('a value with octets above 7F alone', get('A: \x80\xa0\xff'), got('A: \x80\xa0\xff')),
  passes('a value in UTF-8', get('Test: D\xc3\xbcsseldorf'), got('Test: D\xc3\xbcsseldorf')),
  passes('a value that begins with 255', get('A: \xffValue2'), got('A: \xffValue2')),
  passes('a value of 60,000 characters', get(`A: ${'b'.repeat(60_000)}`), got(`A: ${'b'.repeat(60_000)}`)),
  passes('a value that is a request', get('A: GET /smuggled HTTP/1.1'), got('A: GET /smuggled HTTP/1.1')),
  passes(
    'two lines of Link',
    ask('LINK', '/dog.jpg', 'Link: <http://a.test/joe>; rel="tag"', 'Link: <http://a.test/sally>; rel="tag"'),
    asked('LINK', '/dog.jpg', 'Link: <http://a.test/joe>; rel="tag"', 'Link: <http://a.test/sally>; rel="tag"'),
  ),
  passes(
    '199 fields that have one name',
    get(...Array.from({ length: 199 }, () => 'A: b')),
    got(...Array.from({ length: 199 }, () => 'A: b')),
  ),
  refusesUnlikeNode('200 fields beside Host', get(...Array.from({ length: 200 }, () => 'A: b')), 431),
]

const LINE_ENDS: readonly RequestVector[] = [
  refuses('LF before a hidden coding', post('0\r\n\r\n', `x:x\n${HIDDEN}`)),
  refuses('LF for a value before a hidden coding', post('0\r\n\r\n', `x:\n${HIDDEN}`)),
  refuses('CR for a value before a hidden coding', post('0\r\n\r\n', `x:\r${HIDDEN}`)),
  refuses('CR CR before a hidden coding', post('0\r\n\r\n', `x: x\r\r${HIDDEN}`)),
  refuses('LF before a hidden length', post(SMUGGLED, 'x: x\nContent-Length: 23')),
  refuses('LF CR for a line end', post('', 'x: x\n\rA: b')),
  refuses('LF LF for the end of a head', 'GET http://UP/ HTTP/1.1\r\nHost: UP\r\nA: b\n\nC: d\r\n\r\n'),
  refuses('CR and a letter for the end of a head', `GET http://UP/ HTTP/1.1\r\nHost: UP\r\n\rZ${SMUGGLED}`),
  refuses('CR CR for the end of a head', 'GET http://UP/ HTTP/1.1\r\nHost: UP\r\n\r\r\n\r\n'),
  refuses('LF for every line end of a body', 'POST http://UP/ HTTP/1.1\nHost: UP\nContent-Length: 1\n\nx\r\n\r\n'),
  refuses('a length on a folded line', post(SMUGGLED, 'Foo: bar', ' Content-Length: 38')),
  refuses('a length that goes on on a folded line', post('hello', 'Content-Length: 5', ' 0')),
  refuses('a coding that goes on on a folded line', post('0\r\n\r\n', HIDDEN, '  abc')),
  refuses('a Connection over two lines in one', get('Connection: keep-alive,', ' upgrade', 'Upgrade: websocket')),
  refuses('a folded line with a tab and blanks', get('A: b', '\t \tc')),
  refuses('a folded line of nothing', get('A:', ' ')),
  refuses('a folded line at the end of a head', get('A: b', ' c', 'D: e')),
]

const OCTETS = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code))
const length = (value: string, body = 'hello'): string => post(body, `Content-Length: ${value}`)
const sized = posted('hello', 'Content-Length: 5')

const LENGTHS: readonly RequestVector[] = [
  ...['5,', ',5', '5,5', '5;5', '5 ,5', '++5', '5-', '- 5', '0b101', '0o5', '05h', '5e1', '5,0', '.5', '\xb5'].map(
    value => refuses(`the length ${value}`, length(value)),
  ),
  refuses('a length with a tab inside', length('5\t5')),
  refuses('a length behind a vertical tab', length('\v5')),
  refuses('a length with a form feed behind it', length('5\f')),
  refuses('a length with a NUL behind it', length('5\0')),
  refuses('a length with a no-break space behind it', length('5\xa0')),
  refuses('a length of digits that are not ASCII', length('\xef\xbc\x95')),
  refuses('a length of 21 digits', length('1000000000000000000000')),
  refuses('a length of 2^64', length('18446744073709551616')),
  refuses('a length of 2^64 and five', length('18446744073709551621')),
  refuses('a length of 100 nines', length('9'.repeat(100))),
  refusesUnlikeNode('a length of 2^63', length('9223372036854775808')),
  refusesUnlikeNode('a length of 16 digits', length('1000000000000000')),
  refuses('two lengths apart from each other', post('hello', 'Content-Length: 5', 'A: b', 'Content-Length: 6')),
  refuses('two lengths of zero', post('', 'Content-Length: 0', 'Content-Length: 0')),
  refuses('two lengths in one of which is nothing', post('hello', 'Content-Length: 5', 'Content-Length:')),
  refuses('two lengths of a GET', get('Content-Length: 0', 'A: b', 'content-length: 0')),
  passes(
    'a length with zeros and a field behind it',
    post('abc', 'Content-Length: 003', 'Ohai: world'),
    posted('abc', 'Content-Length: 3', 'Ohai: world'),
  ),
  passes('a length of three zeros', post('', 'Content-Length: 000'), posted('', 'Content-Length: 0')),
  passes('a length with a name in odd case', post('hello', 'conTENT-Length: 5'), sized),
  passes('a length right behind its colon', post('hello', 'Content-Length:5'), sized),
  passes('a length of zero of a GET', get('Content-Length: 0'), got('Content-Length: 0')),
  passes('a length of zero of a HEAD', ask('HEAD', '/', 'Content-Length: 0'), asked('HEAD', '/', 'Content-Length: 0')),
  passes(
    'a length of zero of a DELETE',
    ask('DELETE', '/', 'Content-Length: 0'),
    asked('DELETE', '/', 'Content-Length: 0'),
  ),
  passes('a length of 15 digits that says five', post('hello', 'Content-Length: 000000000000005'), sized),
  refusesUnlikeNode('a length of 16 digits that says five', post('hello', 'Content-Length: 0000000000000005')),
  passes('a body of every octet', post(OCTETS, 'Content-Length: 256'), posted(OCTETS, 'Content-Length: 256')),
  passes('a body of line ends', post('\r\n\r\n\r\n', 'Content-Length: 6'), posted('\r\n\r\n\r\n', 'Content-Length: 6')),
  passes(
    'a body that is a request',
    post(SMUGGLED, `Content-Length: ${SMUGGLED.length}`),
    posted(SMUGGLED, `Content-Length: ${SMUGGLED.length}`),
  ),
  passesAndCloses(
    'a length of a GET in HTTP/1.0',
    `${old('GET', 'conTENT-Length: 5')}HELLO`,
    aged(`${got('Content-Length: 5')}HELLO`),
  ),
  refuses('two lengths in HTTP/1.0', `${old('POST', 'Content-Length: 5', 'Content-Length: 5')}hello`),
]

/** Names, values, line ends and lengths. */
export const FIELD_VECTORS: readonly RequestVector[] = [...NAMES, ...VALUES, ...LINE_ENDS, ...LENGTHS]
