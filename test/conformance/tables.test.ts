import { test } from 'tap'
import { LEGAL, MALFORMED } from '../support/differential-peers.js'
import { MALFORMED_ANSWERS } from './vectors/answers-malformed.js'
import { PASSED_ANSWERS } from './vectors/answers-passed.js'

/** What a row is about, by the section in its id; the first that fits. @param least rows of it */
const TOPICS: readonly (readonly [topic: string, section: RegExp, least: number])[] = [
  ['hop-by-hop fields', /^rfc9110-(?:7\.6\.1|7\.8|10\.1\.4|11\.7)/, 30],
  ['Max-Forwards', /^rfc9110-7\.6\.2/, 10],
  ['Via', /^rfc9110-7\.6\.3/, 6],
  ['Expect', /^rfc9110-10\.1\.1/, 10],
  ['trailers', /^rfc9(?:112-7\.1\.2|110-6\.[56])/, 15],
  ['framing', /^rfc9(?:112-[67]\.|110-8\.6|110-9\.3\.[1-8])/, 90],
  ['Host', /^rfc9(?:112-3\.2-|110-7\.2)/, 15],
  ['request-target', /^rfc(?:9112-3\.2\.|9110-4\.2|9110-9\.3\.6|3986|6874)/, 50],
  ['all else of a head', /^rfc/, 50],
]

test('F2: the wire tables have rows enough of every topic', t => {
  const ids = [...LEGAL, ...MALFORMED].map(([id]) => id)
  const count = new Map(TOPICS.map(([topic]) => [topic, 0]))
  for (const id of ids) {
    const topic = TOPICS.find(([, section]) => section.test(id))?.[0] ?? id
    count.set(topic, (count.get(topic) ?? 0) + 1)
  }
  t.same(
    [...count.keys()],
    TOPICS.map(([topic]) => topic),
    'every row has a section',
  )
  for (const [topic, , least] of TOPICS) t.ok((count.get(topic) ?? 0) >= least, `${count.get(topic)} of ${topic}`)
  t.ok(ids.length >= 350, `${ids.length} requests in bytes`)
  const answers = PASSED_ANSWERS.length + MALFORMED_ANSWERS.length
  t.ok(answers >= 140, `${answers} answers in bytes`)
  t.end()
})
