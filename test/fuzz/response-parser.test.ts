import fc from 'fast-check'
import { test } from 'tap'
import { MALFORMED_ANSWERS } from '../conformance/vectors/answers-malformed.js'
import { VALID_ANSWERS } from '../conformance/vectors/answers-valid.js'
import { NASTY_BYTES } from '../support/nasty-bytes.js'
import { parseAnswer } from '../support/parse-answer.js'

/** Repeat a run with SEED=…; the seed in use is printed. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const runs = (numRuns: number) => ({ seed, numRuns })

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/)
const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]{0,20}[\x21-\x7e\x80-\xff])?$/)
const fields = fc.array(
  fc.tuple(
    token.map(name => `X-${name}`),
    value,
  ),
  { maxLength: 6 },
)
const data = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('latin1'))
const lines = (all: [string, string][]) => all.map(([name, text]) => `${name}: ${text}\r\n`).join('')

const counted = fc
  .tuple(fields, data)
  .map(([all, body]) => `HTTP/1.1 200 OK\r\n${lines(all)}Content-Length: ${body.length}\r\n\r\n${body}`)
const chunked = fc.tuple(fields, fc.array(data, { maxLength: 5 }), fields).map(([all, chunks, trailers]) => {
  const body = chunks.filter(chunk => chunk !== '').map(chunk => `${chunk.length.toString(16)};x="y"\r\n${chunk}\r\n`)
  return `HTTP/1.1 200 \r\n${lines(all)}Transfer-Encoding: chunked\r\n\r\n${body.join('')}0\r\n${lines(trailers)}\r\n`
})
const closed = fc.tuple(fields, data).map(([all, body]) => `HTTP/1.0 200\r\n${lines(all)}\r\n${body}`)
const interim = fields.map(all => `HTTP/1.1 103 Early Hints\r\n${lines(all)}\r\n`)
const answer = fc
  .tuple(fc.array(interim, { maxLength: 2 }), fc.oneof(counted, chunked, closed))
  .map(all => all.flat().join(''))

/** The bytes cut at the given places, in pieces of their own. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...sorted, bytes.length].map((end, i) => Buffer.from(bytes.subarray(i === 0 ? 0 : sorted[i - 1], end)))
}

const places = fc.array(fc.nat(2_000), { maxLength: 12 })

test(`F2: where the bytes are cut changes no event (seed ${seed})`, t => {
  fc.assert(
    fc.property(answer, places, (text, cutPlaces) => {
      const bytes = Buffer.from(text, 'latin1')
      const whole = parseAnswer([bytes], { eof: true })
      if (!whole.includes('end')) return false
      return whole.join('\n') === parseAnswer(cutAt(bytes, cutPlaces), { eof: true }).join('\n')
    }),
    runs(1_500),
  )
  t.end()
})

type Mutation = { readonly at: number; readonly cut: number; readonly insert: string }

const nasty = fc.constantFrom(...NASTY_BYTES)
const mutation = fc.record({ at: fc.nat(2_000), cut: fc.nat(3), insert: fc.oneof(fc.constant(''), nasty) })

function mutate(text: string, mutations: readonly Mutation[]): string {
  return mutations.reduce((result, { at, cut, insert }) => {
    const place = at % (result.length + 1)
    return result.slice(0, place) + insert + result.slice(place + cut)
  }, text)
}

test(`F2: a broken answer never throws, ends at most once and is judged alike however it is cut (seed ${seed})`, t => {
  const known = [...VALID_ANSWERS, ...MALFORMED_ANSWERS].map(row => row[2])
  const start = fc.oneof(answer, fc.constantFrom(...known))
  fc.assert(
    fc.property(
      start,
      fc.array(mutation, { maxLength: 4 }),
      places,
      fc.boolean(),
      (text, mutations, cutPlaces, upgrade) => {
        const bytes = Buffer.from(mutate(text, mutations), 'latin1')
        const options = { eof: true, upgrade, headBytes: 400 }
        const whole = parseAnswer([bytes], options)
        const pieces = parseAnswer(cutAt(bytes, cutPlaces), options)
        const ends = (events: string[]) => events.filter(event => event === 'end').length
        const faulty = (events: string[]) => events.at(-1)?.startsWith('fault ') === true
        // What comes before a fault may differ, but not whether there is one.
        if (ends(whole) > 1 || ends(whole) !== ends(pieces)) return false
        return faulty(whole)
          ? faulty(pieces)
          : whole.some(event => event.startsWith('upgrade')) || whole.join('\n') === pieces.join('\n')
      },
    ),
    runs(4_000),
  )
  t.end()
})
