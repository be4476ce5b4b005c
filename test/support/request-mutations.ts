import type { Dice } from './fuzz.js'

/** Where the upstream's authority belongs. */
const UP = 'UP'

const FIELDS = [
  'Connection: keep-alive',
  'Connection: close',
  'Connection: x-a, TE',
  'X-A: 1',
  'TE: trailers',
  'Accept: */*',
  'Cookie: a=b',
  'Expect: 100-continue',
  'Transfer-Encoding: chunked',
  'Content-Length: 5',
  'content-length: 0',
  'Transfer-Encoding: identity',
  'Via: 1.0 other',
  'Max-Forwards: 3',
  'Trailer: X-Sum',
  'Upgrade: foo',
  'Range: bytes=0-1',
  'A: caf\xe9',
]
/** Some belong in a head (RFC 9110 §6.5.1). */
const TRAILERS = [
  'X-Sum: 1\r\n',
  'Host: evil.test\r\n',
  `Host: ${UP}\r\n`,
  'Authorization: x\r\n',
  'X-A: 1\r\nTE: x\r\n',
]
const PROXY_FIELDS = [
  'Proxy-Connection: keep-alive',
  'Proxy-Authorization: Basic YTpi',
  'User-Agent: x',
  'Keep-Alive: timeout=5',
  'HTTP2-Settings: AAA',
]
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'QUERY', 'FOO']
/** What parsers have disagreed about before. */
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '\x0b',
  '\x85',
  '\xa0',
  '0',
  '5',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding: chunked, identity\r\n',
  'Transfer_Encoding: chunked\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: +3\r\n',
  'Content-Length: 3, 3\r\n',
  'Host: evil.test\r\n',
  ' folded\r\n',
  '0\r\n\r\n',
  '0;x=y\r\n',
  '1_0\r\n',
  '0x5\r\n',
  'ffffffffffffffff1\r\n',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/1.1',
  'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
  `GET http://${UP}/more HTTP/1.1\r\nHost: ${UP}\r\n\r\n`,
]

/** One request as clients write them, with a name of its own in its path and its body. */
function request(dice: Dice, name: string): string {
  const method = dice.pick(METHODS)
  const target = `http://${UP}/${name}${dice.pick(['', '?q=1', '//x'])}`
  const fields = dice.list(3, () => dice.pick(FIELDS))
  const body = dice.pick(['', `body of ${name}`, `GET /within-${name} HTTP/1.1\r\nHost: a\r\n\r\n`])
  const framing = dice.below(3)
  const chunks = (): string => {
    const at = dice.below(body.length + 1)
    const parts = [body.slice(0, at), body.slice(at)].filter(part => part !== '')
    const trailer = dice.pick(['', '', ...TRAILERS])
    return `${parts.map(part => `${part.length.toString(16)}${dice.pick(['', ';a=b'])}\r\n${part}\r\n`).join('')}0\r\n${trailer}\r\n`
  }
  const [line, sent] =
    framing === 0 || body === ''
      ? [[], '']
      : framing === 1
        ? [[`Content-Length: ${body.length}`], body]
        : [['Transfer-Encoding: chunked'], chunks()]
  // A field of the list may frame too: then the request is not a clean one, and that is wanted.
  return `${method} ${target} HTTP/1.1\r\n${[`Host: ${UP}`, ...fields, ...line].join('\r\n')}\r\n\r\n${sent}`
}

/** One request, damaged or not. */
export const requestBytes = (dice: Dice, name: string, authority: string): string =>
  dice.mutate(request(dice, name), WORDS).replaceAll(UP, authority)

/** What one client sends: requests in a row, some of them or all together damaged. */
export function clientBytes(dice: Dice, name: string, authority: string): string {
  const all = dice.list(4, () => '', 1).map((_, i) => request(dice, `${name}-${i}`))
  const at = dice.below(all.length)
  const damaged = all.map((text, i) => (i === at && dice.chance(0.8) ? dice.mutate(text, WORDS) : text)).join('')
  const whole = damaged.replaceAll(UP, authority)
  return dice.chance(0.1) ? whole.slice(0, dice.below(whole.length)) : whole
}

/** A CONNECT and perhaps what follows it, damaged or not. */
export function connectBytes(dice: Dice, authority: string): string {
  const fields = dice.list(3, () => dice.pick(dice.chance(0.3) ? FIELDS : PROXY_FIELDS))
  const head = `CONNECT ${UP} HTTP/1.1\r\n${[`Host: ${UP}`, ...fields].join('\r\n')}\r\n\r\n`
  const text = `${head}${dice.pick(['', '\x16\x03\x01', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'])}`
  return (dice.chance(0.6) ? dice.mutate(text, WORDS) : text).replaceAll(UP, authority)
}
