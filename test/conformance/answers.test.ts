import { test } from 'tap'
import { type AnswerOptions, cuts, parseAnswer } from '../support/parse-answer.js'
import { LLHTTP_ANSWERS } from './vectors/answers-llhttp.js'
import { MALFORMED_ANSWERS } from './vectors/answers-malformed.js'
import { ANSWERS_WITH_SURPLUS, type AnswerRow, VALID_ANSWERS } from './vectors/answers-valid.js'

const TRAILERS_FROM = 'end'

/** Field lines of heads are left to `the fields of a head`; those of trailers stay. */
const withoutFields = (events: readonly string[]): string[] => {
  const end = events.indexOf(TRAILERS_FROM)
  return events.filter((event, i) => !event.startsWith('  ') || (end !== -1 && i > end))
}

/** The cuts whose events differ from `wanted`. */
function differing(text: string, options: AnswerOptions | undefined, wanted: readonly string[]): string[] {
  const found: string[] = []
  for (const [name, pieces] of cuts(Buffer.from(text, 'latin1'))) {
    const events = withoutFields(parseAnswer(pieces, options))
    if (events.join('\n') !== wanted.join('\n')) found.push(`${name}: ${events.join(' | ')}`)
  }
  return found
}

const rows = (title: string, table: readonly AnswerRow[], more: readonly string[] = []) =>
  test(title, t => {
    for (const [id, name, text, events, options] of table) {
      t.same(differing(text, options, [...events, ...more]), [], `${id} ${name}`)
    }
    t.end()
  })

rows('F2: a valid answer has one reading, wherever its bytes are cut', VALID_ANSWERS)
rows('F2: the answers that llhttp is tested with are read alike or refused', LLHTTP_ANSWERS)
rows('F2: bytes behind an answer spare it and condemn its connection', ANSWERS_WITH_SURPLUS, [
  'fault http_protocol_error',
])

test('F2: a malformed answer is a fault and never ends, wherever its bytes are cut', t => {
  for (const [id, name, text, options] of MALFORMED_ANSWERS) {
    const accepted: string[] = []
    for (const [cut, pieces] of cuts(Buffer.from(text, 'latin1'))) {
      const events = parseAnswer(pieces, options)
      if (!events.at(-1)?.startsWith('fault ') || events.includes('end')) accepted.push(`${cut}: ${events.join(' | ')}`)
    }
    t.same(accepted, [], `${id} ${name}`)
  }
  t.end()
})

test('the tables are as large as promised and their ids are unique', t => {
  const ids = [...VALID_ANSWERS, ...ANSWERS_WITH_SURPLUS, ...LLHTTP_ANSWERS, ...MALFORMED_ANSWERS].map(([id]) => id)
  t.ok(MALFORMED_ANSWERS.length >= 60, `${MALFORMED_ANSWERS.length} malformed answers`)
  t.equal(new Set(ids).size, ids.length)
  t.end()
})

test('a fault has the name that says what happened', t => {
  const cases: [string, string, AnswerOptions][] = [
    ['HTTP/1.1 200 OK\r\nA: b', 'http_response_incomplete', { eof: true }],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n', 'http_response_incomplete', { eof: true }],
    [`HTTP/1.1 200 OK\r\nA: ${'b'.repeat(99)}`, 'http_response_header_section_size', { headBytes: 64 }],
    ['SSH-2.0-OpenSSH_9.2p1\r\n', 'http_protocol_error', {}],
  ]
  for (const [text, name, options] of cases) t.equal(parseAnswer([Buffer.from(text)], options).at(-1), `fault ${name}`)
  t.end()
})

test('F1: the fields of a head keep order, case, repeats and every byte of their values', t => {
  const text =
    'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie:b=2\t \r\nX-Empty:\r\nX-Text: \xe9\xa0 x \t y \xa0\r\nContent-Length: 0\r\n\r\n'
  const fields = ['Set-Cookie=a=1', 'set-cookie=b=2', 'X-Empty=', 'X-Text=\xe9\xa0 x \t y \xa0', 'Content-Length=0']
  for (const [name, pieces] of cuts(Buffer.from(text, 'latin1'))) {
    const found = parseAnswer(pieces).filter(event => event.startsWith('  '))
    t.same(
      found.map(line => line.slice(2)),
      fields,
      name,
    )
  }
  t.end()
})
