import { ChunkedDecoder } from '../../../src/wire/chunked.js'
import { parseFieldLines } from '../../../src/wire/field-lines.js'
import { parseResponseHead } from '../../../src/wire/response-head.js'
import { SectionBuffer } from '../../../src/wire/section-buffer.js'
import { chunkHead, lastChunk, requestHead } from '../../../src/wire/serialize.js'
import { MALFORMED_ANSWERS } from '../../conformance/vectors/answers-malformed.js'
import { VALID_ANSWERS } from '../../conformance/vectors/answers-valid.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'
import { NASTY_BYTES } from '../../support/nasty-bytes.js'
import { parseAnswer } from '../../support/parse-answer.js'
import { readRequests } from '../../support/strict-request.js'

const WORDS = [...NASTY_BYTES, 'Content-Length: 5\r\n']
const ANSWERS = [...VALID_ANSWERS, ...MALFORMED_ANSWERS].map(row => row[2]).filter(text => text.length < 400)
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const answers: Subject = {
  parser: 'wire/response-parser.ts ResponseParser',
  promise: 'never throws, ends at most once, and says the same wherever the bytes are cut',
  weight: 6,
  run: dice => {
    const text = dice.mutate(dice.pick(ANSWERS), WORDS)
    const bytes = Buffer.from(text, 'latin1')
    const options = {
      eof: true,
      upgrade: dice.chance(0.5),
      headBytes: 400,
      method: dice.pick(['GET', 'HEAD', 'CONNECT']),
    }
    const whole = parseAnswer([bytes], options)
    const pieces = parseAnswer(dice.pieces(bytes), options)
    // Whoever changes the protocol takes the bytes away from the parser, so nothing is fed to it any more.
    if (whole.some(event => event.startsWith('upgrade')))
      return pieces.some(event => event.startsWith('upgrade')) ? undefined : wrongly(text, whole, pieces)
    const endings = [whole, pieces].map(events => events.filter(event => event === 'end').length)
    const faults = [whole, pieces].map(events => events.at(-1)?.startsWith('fault ') === true)
    if (endings[0] !== endings[1] || (endings[0] ?? 0) > 1 || faults[0] !== faults[1])
      return wrongly(text, whole, pieces)
    // What comes before a fault may differ.
    return faults[0] || same(whole, pieces) ? undefined : wrongly(text, whole, pieces)
  },
}

function decode(pieces: readonly Buffer[], most = 300): string {
  let body = ''
  const decoder = new ChunkedDecoder(most, data => {
    body += data.toString('latin1')
  })
  for (const [i, piece] of pieces.entries()) {
    const end = decoder.read(piece, 0)
    if (decoder.fault !== undefined) return 'fault'
    if (decoder.ended) return JSON.stringify([body, decoder.trailers, end === piece.length && i === pieces.length - 1])
  }
  return `open ${body}`
}

/** Grammar of RFC 9112 §7.1, nothing shared with the decoder. */
function chunkedText(dice: Dice): { readonly text: string; readonly body: string } {
  const chunks = dice.list(4, () => dice.octets(20)).filter(chunk => chunk !== '')
  const extension = () => dice.pick(['', '', ';a', ';a=b', '; a = "b;\\""'])
  const size = (n: number) =>
    dice.pick(['', '0', '000']) + n.toString(16)[dice.chance(0.5) ? 'toUpperCase' : 'toLowerCase']()
  const text = chunks.map(chunk => `${size(chunk.length)}${extension()}\r\n${chunk}\r\n`).join('')
  return {
    text: `${text}0${extension()}\r\n${dice.pick(['', 'X-Sum: 1\r\n', 'A:\r\nb: c\r\n'])}\r\n`,
    body: chunks.join(''),
  }
}

const chunked: Subject = {
  parser: 'wire/chunked.ts ChunkedDecoder',
  promise:
    'gives back what was written, agrees with the strict reader on what was damaged, and is the same wherever it is cut',
  weight: 5,
  run: dice => {
    const { text, body } = chunkedText(dice)
    const read = decode(dice.pieces(Buffer.from(text, 'latin1')))
    if (!read.startsWith(JSON.stringify([body]).slice(0, -1))) return wrongly(text, read)
    const damaged = dice.mutate(text, WORDS)
    const bytes = Buffer.from(damaged, 'latin1')
    const whole = decode([bytes])
    if (
      whole.startsWith('[') &&
      decode(dice.pieces(bytes)).replace(/(?:true|false)\]$/, '') !== whole.replace(/(?:true|false)\]$/, '')
    )
      return wrongly(damaged, whole)
    if (!whole.startsWith('[')) return undefined
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    const [strict] = readRequests(head + damaged).requests
    // Which trailers may be, the decoder does not judge.
    const isWhole = strict?.whole || strict?.flaw?.startsWith('trailer ') === true
    return isWhole && (JSON.parse(whole) as [string])[0] === strict.body ? undefined : wrongly(damaged, whole, strict)
  },
}

const FIELD = /^([!#$%&'*+.^_`|~\w-]+):([\t -~\x80-\xff]*)$/

const fieldLines: Subject = {
  parser: 'wire/field-lines.ts parseFieldLines',
  promise: 'takes lines of name, colon and value alone, as a line by line reading does, and loses no byte but blanks',
  weight: 4,
  run: dice => {
    const lines = dice.list(
      4,
      () => `${dice.word('aZ-_9', 4, 1)}:${dice.pick(['', ' ', '\t'])}${dice.word('a \t\xff:,', 5)}`,
    )
    const section = dice.mutate(`${lines.map(line => `${line}\r\n`).join('')}\r\n`, WORDS)
    const read = parseFieldLines(section, 0)
    const parts = section.endsWith('\r\n') ? section.slice(0, -2).split('\r\n') : ['']
    const found = parts.slice(0, -1).map(line => FIELD.exec(line))
    const isSound = section.endsWith('\r\n') && parts.at(-1) === '' && found.every(match => match !== null)
    if ('section' in read) return isSound ? wrongly(section, read) : undefined
    const wanted = found.flatMap(match => [match?.[1] ?? '', (match?.[2] ?? '').replace(/^[ \t]+|[ \t]+$/g, '')])
    return isSound && same(read, wanted) ? undefined : wrongly(section, read, wanted)
  },
}

const sections: Subject = {
  parser: 'wire/section-buffer.ts SectionBuffer',
  promise: 'ends behind the first empty line, at the same byte wherever the pieces end, and keeps no more than it may',
  weight: 3,
  run: dice => {
    const text = dice.mutate('A: b\r\nC: d\r\n\r\nrest', WORDS)
    const buffer = new SectionBuffer(64)
    let fed = 0
    for (const piece of dice.pieces(Buffer.from(text, 'latin1'))) {
      const end = buffer.add(piece, 0)
      if (buffer.size > 64) return wrongly(text, buffer.size)
      if (buffer.fault !== undefined)
        return /[\0-\x08\n-\x1f\x7f]/.test(text.replace(/\r\n/g, '')) || text.length > 64 || /\n/.test(text)
          ? undefined
          : wrongly(text, buffer.fault)
      if (end === -1) {
        fed += piece.length
        continue
      }
      // A section may be empty: then its first line is the one that ends it.
      const wanted = text.startsWith('\r\n') ? 2 : text.indexOf('\r\n\r\n') + 4
      return fed + end === wanted && buffer.take() === text.slice(0, wanted)
        ? undefined
        : wrongly(text, fed + end, wanted)
    }
    return text.includes('\r\n\r\n') ? wrongly(text, 'no end') : undefined
  },
}

const heads: Subject = {
  parser: 'wire/response-head.ts parseResponseHead',
  promise: 'has the status, reason and lines that a regular expression finds, and frames by one field or none',
  weight: 3,
  run: dice => {
    const framed = dice.pick([
      '',
      'Content-Length: 5\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Content-Length: 5\r\nContent-Length: 5\r\n',
    ])
    const text = dice.mutate(`HTTP/1.1 ${dice.between(100, 599)} OK\r\nA: b\r\n${framed}\r\n`, WORDS)
    const head = parseResponseHead(text, 'GET')
    if ('section' in head) return undefined
    const line = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([^\r\n]*))?\r\n/.exec(text)
    const isLine =
      `1.${line?.[1]}` === head.version && Number(line?.[2]) === head.status && (line?.[3] ?? '') === head.reason
    const framing = text.match(/^(?:content-length|transfer-encoding)[ \t]*:/gim)?.length ?? 0
    const isClosed = head.fields.length === 2 * (text.split('\r\n').length - 3)
    return isLine && isClosed && framing <= 1 ? undefined : wrongly(text, head)
  },
}

const NAMES = [
  'A',
  'Host',
  'Content-Length',
  'Connection',
  'Expect',
  'TE',
  'Trailer',
  'X-B',
  'Cookie',
  'Transfer-Encoding',
  'Upgrade',
]

const requests: Subject = {
  parser: 'wire/serialize.ts requestHead chunkHead lastChunk',
  promise:
    'whatever fields the client sent, the strict reader finds one request with our Host and framing and its own body',
  weight: 4,
  run: dice => {
    const fields = dice
      .list(6, () => [dice.pick(NAMES), dice.pick(['5', 'chunked', 'x-b', 'a, host', 'trailers', '', 'close'])])
      .flat()
    const body = dice.octets(12)
    const way = dice.below(body === '' ? 3 : 2)
    const framing =
      way === 0
        ? ({ kind: 'chunked' } as const)
        : way === 1
          ? ({ kind: 'length', length: body.length } as const)
          : ({ kind: 'none' } as const)
    const head = requestHead('POST', '/p', 'up.test', fields, framing, ['Via', '1.1 m'])
    const chunks = `${body === '' ? '' : `${chunkHead(body.length)}${body}\r\n`}${lastChunk(['T', 'u'])}`
    const { requests: found, flaw } = readRequests(head + (framing.kind === 'chunked' ? chunks : body))
    const [one] = found
    const host = one?.fields[one.fields.findIndex(name => name.toLowerCase() === 'host') + 1]
    const isOurs =
      found.length === 1 &&
      flaw === undefined &&
      one?.whole &&
      one.body === body &&
      one.target === '/p' &&
      host === 'up.test'
    return isOurs ? undefined : wrongly(fields, head, found, flaw)
  },
}

export const WIRE: readonly Subject[] = [answers, chunked, fieldLines, sections, heads, requests]
