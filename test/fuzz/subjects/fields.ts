import { gzipSync } from 'node:zlib'
import { parseItem } from 'structured-headers'
import { readChallenges } from '../../../src/http/auth-challenge.js'
import { decodeContent } from '../../../src/http/content-decoding.js'
import { eventData, FirstEvent } from '../../../src/http/event-stream.js'
import { answerFields } from '../../../src/http/hop-by-hop.js'
import { translateHead } from '../../../src/http/http2-request.js'
import { judgeKey, mintKey, readKey } from '../../../src/http/idempotency-key.js'
import { proxyStatus } from '../../../src/http/proxy-status.js'
import { checkRequest } from '../../../src/http/request-fields.js'
import { readTraceParent } from '../../../src/http/trace-parent.js'
import { endToEndTrailers, misplacedTrailer } from '../../../src/http/trailer-fields.js'
import { hasVia } from '../../../src/http/via.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const ENDS_HERE =
  /^(?:connection|keep-alive|proxy-(?:connection|authenticate|authorization|authentication-info)|te|upgrade|transfer-encoding|http2-settings)$/i
/** Besides those: RFC 9110 §6.5.1. */
const HEAD_ONLY = /^(?:host|content-length|trailer|expect|via|cookie)$/i
const NAMES = [
  'A',
  'a',
  'X-B',
  'Connection',
  'TE',
  'Keep-Alive',
  'Via',
  'Upgrade',
  'Cookie',
  'Transfer-Encoding',
  'Trailer',
  'Content-Length',
  'Proxy-Authenticate',
]
const VALUES = ['a', 'x-b', 'close, X-B', 'cookie', 'chunked', 'trailers', '', ',', ' A ', 'via, te', '5']

const someFields = (dice: Dice): string[] => dice.list(7, () => [dice.pick(NAMES), dice.pick(VALUES)]).flat()
const linesOf = (fields: readonly string[]): string[] =>
  fields.flatMap((name, i) => (i % 2 === 0 ? [`${name}:${fields[i + 1]}`] : []))

const hopByHop: Subject = {
  parser: 'http/hop-by-hop.ts answerFields http/trailer-fields.ts endToEndTrailers misplacedTrailer',
  promise:
    'nothing of this hop and nothing that Connection may name passes, all else does, in its order (RFC 9110 §7.6.1)',
  weight: 4,
  run: dice => {
    const fields = someFields(dice)
    const lines = linesOf(fields)
    const named = lines
      .flatMap(line => (/^connection:/i.test(line) ? line.slice(11).toLowerCase().split(',') : []))
      .map(name => name.trim())
    const mayGo = (name: string) =>
      named.includes(name) && !['cookie', 'via', 'content-length', 'transfer-encoding', 'te', ''].includes(name)
    const isChunked = /(?:^|,)transfer-encoding:[^,]*chunked/i.test(lines.join())
    const wanted = lines.filter(line => {
      const name = line.slice(0, line.indexOf(':')).toLowerCase()
      return !ENDS_HERE.test(name) && !mayGo(name) && (name !== 'trailer' || isChunked)
    })
    const passed = linesOf(answerFields(fields, '1.1 m'))
    if (!same(passed, [...wanted, 'Via:1.1 m'])) return wrongly(fields, passed, wanted)
    const trailers = linesOf(endToEndTrailers(fields, fields))
    const misplaced = (name: string) => ENDS_HERE.test(name) || HEAD_ONLY.test(name)
    const kept = lines.filter(line => {
      const name = line.slice(0, line.indexOf(':')).toLowerCase()
      return !misplaced(name) && !mayGo(name)
    })
    if (!same(trailers, kept)) return wrongly(fields, trailers, kept)
    const first = fields.find((name, i) => i % 2 === 0 && misplaced(name))
    return same(misplacedTrailer(fields), first) ? undefined : wrongly(fields, misplacedTrailer(fields), first)
  },
}

const FRAMING = ['Host', 'host', 'Content-Length', 'CONTENT-LENGTH', 'Transfer-Encoding', 'Expect', 'A']
const SAID = [
  'a.test',
  'a.test:80',
  '5',
  '05',
  '0',
  '+5',
  '5, 5',
  'chunked',
  'Chunked',
  'chunked, chunked',
  'gzip, chunked',
  'identity',
  '100-continue',
  'x',
  '',
  ' ',
  '[::1]',
  'a@b',
  '9'.repeat(16),
]

const requestFields: Subject = {
  parser: 'http/request-fields.ts checkRequest',
  promise: 'lets through no head with two lengths, two codings, both, another coding than chunked, or not one Host',
  weight: 5,
  run: dice => {
    const fields = dice
      .list(4, () => [dice.pick(FRAMING), dice.chance(0.8) ? dice.pick(SAID) : dice.mutate(dice.pick(SAID), SAID)])
      .flat()
    const method = dice.pick(['GET', 'POST', 'CONNECT', 'TRACE'])
    const version = dice.pick(['1.1', '1.1', '1.0', '2.0'])
    const checked = checkRequest(fields, method, version)
    if ('refuse' in checked) return undefined
    const of = (name: string) => fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name)
    const [lengths, codings, hosts] = [of('content-length'), of('transfer-encoding'), of('host')]
    const said = lengths[0] === undefined ? 'none' : `length ${Number(lengths[0])}`
    const wanted = codings.length > 0 ? 'chunked' : said
    const { framing } = checked
    const read = framing.kind === 'length' ? `length ${framing.length}` : framing.kind
    const isClear =
      lengths.length + codings.length < 2 &&
      lengths.every(text => /^\d+$/.test(text)) &&
      codings.every(text => text.toLowerCase() === 'chunked')
    const isHosted = hosts.length === 1 || (hosts.length === 0 && version === '1.0')
    const isEmpty = (method !== 'CONNECT' && method !== 'TRACE') || read === 'none' || read === 'length 0'
    return isClear && isHosted && isEmpty && read === wanted && version !== '2.0'
      ? undefined
      : wrongly([method, version, fields], checked)
  },
}

const TOKEN = "abzABZ019!#$%&'*+-.^_`|~"
const TEXT = 'ab ,;="\\()\t\xe9'
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

const challenges: Subject = {
  parser: 'http/auth-challenge.ts readChallenges',
  promise: 'reads what was written, on one line or several, and from damaged lines only schemes that stand in them',
  weight: 3,
  run: dice => {
    const param = () => [dice.word(TOKEN, 6, 1), dice.word(TEXT, 8)] as const
    const written = dice.list(3, () => ({ scheme: dice.word(TOKEN, 6, 1), params: dice.list(3, param) }), 1)
    const lines = written.map(
      ({ scheme, params }) => `${scheme} ${params.map(([name, value]) => `${name}=${quoted(value)}`).join(', ')}`,
    )
    const fields = dice.chance(0.5)
      ? lines.flatMap(line => ['WWW-Authenticate', line])
      : ['www-authenticate', lines.join(', ')]
    const first = (params: readonly (readonly [string, string])[]) => {
      const found = new Map<string, string>()
      for (const [name, value] of params) if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), value)
      return [...found]
    }
    const wanted = written.map(({ scheme, params }) => [scheme.toLowerCase(), first(params)])
    const read = readChallenges(fields).map(({ scheme, params }) => [scheme, [...params]])
    if (!same(read, wanted)) return wrongly(fields, read, wanted)
    const damaged = dice.mutate(lines.join(', '), ['"', '\\', ',', '=', ' ', 'Bearer ', 'realm="', '\x80'])
    const strange = readChallenges(['WWW-Authenticate', damaged]).find(
      ({ scheme }) => !damaged.toLowerCase().includes(scheme),
    )
    return strange === undefined ? undefined : wrongly(damaged, strange)
  },
}

const status: Subject = {
  parser: 'http/proxy-status.ts proxyStatus',
  promise: 'what is written is a structured item (RFC 9651) that gives back every word of it in printable ASCII',
  weight: 1,
  run: dice => {
    const details = dice.chance(0.5) ? dice.octets(20) : dice.word('a"\\ é\n', 8)
    const [name, params] = parseItem(proxyStatus({ error: 'http_protocol_error', receivedStatus: 503, details }))
    const isSame =
      String(name) === 'mulligan' &&
      params.get('received-status') === 503 &&
      params.get('details') === details.replace(/[^\x20-\x7e]/g, '?')
    return isSame ? undefined : wrongly(details, String(name), [...params])
  },
}

const via: Subject = {
  parser: 'http/via.ts hasVia',
  promise: 'finds our pseudonym where it is the received-by of a member, and in no comment, protocol or other name',
  weight: 3,
  run: dice => {
    const comment = () => (dice.chance(0.4) ? ` (${dice.pick(['m, 1.1 m', 'a \\) 1.1 m', '(1.1 m), x', ''])})` : '')
    const members = dice.list(4, () => ({
      by: dice.pick(['m', 'M', 'm:80', 'xm', 'other', 'a.test']),
      protocol: dice.pick(['1.1', '1.0', 'HTTP/1.1', 'm']),
    }))
    const lines = members.map(({ by, protocol }) => `${protocol}${dice.pick([' ', '\t', '  '])}${by}${comment()}`)
    const fields = dice.chance(0.5) ? ['Via', lines.join(', ')] : lines.flatMap(line => ['via', line])
    const wanted = members.some(({ by }) => by.toLowerCase() === 'm')
    if (hasVia(fields, 'm') !== wanted) return wrongly(fields, !wanted)
    hasVia(['Via', dice.mutate(lines.join(','), ['(', ')', '\\', ',', ' ', '1.1 m'])], 'm')
    return undefined
  },
}

const keys: Subject = {
  parser: 'http/idempotency-key.ts readKey judgeKey',
  promise: "a key is the client's own bytes, printable, 1 to 255 of them without their quotes; ours are keys too",
  weight: 3,
  run: dice => {
    const text = dice.from(
      ['abc', '"abc"', 'a b', '""', ' ', 'k'.repeat(255), `"${'k'.repeat(255)}"`, 'k'.repeat(256)],
      ['"', ' ', '\t', '\n', 'é', '\x7f', 'k'],
    )
    const inner = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
    const isKey = /^[ -~]*$/.test(text) && /[!-~]/.test(inner) && inner.length <= 255
    const read = readKey(['a', 'b', 'IDEMPOTENCY-KEY', text], 'Idempotency-Key')
    if (typeof read === 'object' && 'key' in read ? !isKey || read.key !== text : isKey) return wrongly(text, read)
    const minted = mintKey(dice.pick(['uuid4', 'uuid7']), Buffer.from(dice.word('\0a~', 16, 16)), dice.below(2 ** 47))
    const judged = judgeKey(minted)
    const isUuid = /^[\da-f]{8}-[\da-f]{4}-[47][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(minted)
    return isUuid && same(judged, { key: minted }) ? undefined : wrongly(minted, judged)
  },
}

/** The data of the finished events, read with regular expressions (HTML Standard §9.2.6). */
function eventsOf(text: string): string[] {
  const whole = text.replace(/^\xef\xbb\xbf/, '').replace(/\r\n?/g, '\n')
  const blocks = whole.split(/\n\n+|^\n+/).slice(0, -1)
  const dataOf = (block: string) => [...block.matchAll(/^data(?:: ?(.*))?$/gm)].map(([, data = '']) => data)
  return blocks.map(block => dataOf(block).join('\n')).filter(data => data !== '')
}

const eventStream: Subject = {
  parser: 'http/event-stream.ts eventData FirstEvent',
  promise:
    'gives the data of the finished events, and tells of the first at the byte that ends it, wherever the stream is cut',
  weight: 4,
  run: dice => {
    const line = dice.pick(['\n', '\r', '\r\n'])
    const words = ['data: a', 'data', 'data:', 'data:b', 'event: x', ':', 'data:  c', 'dat', '', '', '\xef\xbb\xbf']
    const text = dice.mutate(dice.list(8, () => dice.pick(words) + line).join(''), [
      '\n',
      '\r',
      'data:',
      ' ',
      ':',
      '\r\n',
    ])
    const bytes = Buffer.from(text, 'latin1')
    const read = [...eventData(bytes)].map(data => data.toString('latin1'))
    const wanted = eventsOf(text)
    if (!same(read, wanted)) return wrongly(text, read, wanted)
    const first = new FirstEvent()
    let told = false
    let fed = 0
    for (const piece of dice.pieces(bytes)) {
      told = first.receive(piece)
      fed += piece.length
      if (told !== eventsOf(text.slice(0, fed)).length > 0) return wrongly([text, fed], told)
      if (told) break
    }
    return undefined
  },
}

const content: Subject = {
  parser: 'http/content-decoding.ts decodeContent',
  promise: 'gives back what was coded, never more than was allowed, and nothing for damaged data',
  weight: 0.3,
  run: dice => {
    const text = dice.word('ab', 30).repeat(dice.below(20))
    const coded = gzipSync(text)
    const most = dice.below(700)
    const fields = ['Content-Encoding', dice.pick(['gzip', 'x-gzip', 'GZIP', 'identity, gzip'])]
    const plain = decodeContent(fields, coded, most)?.toString()
    if (plain !== (text.length <= most ? text : undefined)) return wrongly([text.length, most], plain?.length)
    const damaged = Buffer.from(dice.mutate(coded.toString('latin1'), ['\0', '\xff']), 'latin1')
    const other = decodeContent(
      ['content-encoding', dice.pick(['gzip', 'br', 'deflate', 'zstd', 'constructor'])],
      damaged,
      most,
    )
    return other === undefined || other.length <= most ? undefined : wrongly(damaged.toString('hex'), other.length)
  },
}

const PSEUDO = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/'],
  [':authority', 'a.test'],
] as const
const OTHERS = [
  ['host', 'a.test'],
  ['host', 'b.test'],
  ['cookie', 'a=1'],
  ['cookie', 'b=2'],
  ['te', 'trailers'],
  ['te', 'gzip'],
  ['connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['content-length', '5'],
  ['upgrade', 'x'],
  ['x', 'y'],
] as const

const http2: Subject = {
  parser: 'http/http2-request.ts translateHead',
  promise:
    "a head with fields of HTTP/1.1's own framing, or with two authorities, is malformed; all cookies make one line",
  weight: 2,
  run: dice => {
    const others = dice.list(5, () => dice.pick(OTHERS))
    const ended = dice.chance(0.5)
    const head = translateHead([...PSEUDO, ...others].flat(), ended)
    const lines = others.map(pair => pair.join(': '))
    const ofHop = lines.some(line => /^(?:te: gzip|connection|transfer-encoding|upgrade)/.test(line))
    const length = lines.some(line => line.startsWith('content-length'))
    const isBad = ofHop || lines.filter(line => line.startsWith('host')).at(-1) === 'host: b.test' || (ended && length)
    if ((head.refuse !== undefined) !== isBad) return wrongly([others, ended], head)
    const cookies = linesOf(head.fields).filter(line => line.startsWith('cookie:'))
    const wanted = others
      .filter(([name]) => name === 'cookie')
      .map(([, value]) => value)
      .join('; ')
    const isFramed = linesOf(head.fields).filter(line => line === 'transfer-encoding:chunked').length
    if (cookies.join() !== (wanted === '' ? '' : `cookie:${wanted}`)) return wrongly(others, head)
    return isBad || isFramed === (ended || length ? 0 : 1) ? undefined : wrongly([others, ended], head)
  },
}

const traceParent: Subject = {
  parser: 'http/trace-parent.ts readTraceParent',
  promise: 'is read from what the W3C grammar allows, and from nothing else',
  weight: 1,
  run: dice => {
    const valid = `00-${dice.word('0123456789abcdef', 32, 32)}-${dice.word('0123456789abcdef', 16, 16)}-0${dice.below(2)}`
    const text = dice.chance(0.3) ? valid : dice.mutate(valid, ['-', '0', 'G', 'A', ' ', 'ff', '00'])
    const read = readTraceParent(['traceparent', text])
    const isValid =
      /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|-)/.test(text.trim()) &&
      !/^00-.{52}./.test(text.trim())
    return read === undefined || isValid ? undefined : wrongly(text, read)
  },
}

export const FIELDS: readonly Subject[] = [
  hopByHop,
  requestFields,
  challenges,
  status,
  via,
  keys,
  eventStream,
  content,
  http2,
  traceParent,
]
