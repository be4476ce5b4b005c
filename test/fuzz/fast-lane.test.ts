import t, { test } from 'tap'
import { parsePlainHead } from '../../src/wire/plain-head.js'
import { ACCEPTED_REQUESTS } from '../conformance/vectors/requests-accepted.js'
import { MALFORMED_FRAMING } from '../conformance/vectors/requests-framing.js'
import { HOP_REQUESTS } from '../conformance/vectors/requests-hops.js'
import { MALFORMED_HEADS } from '../conformance/vectors/requests-malformed.js'
import { Dice, SEED } from '../support/fuzz.js'
import { isKnownMethod, NodeParser, type NodeRequest } from '../support/node-parser.js'
import { clientBytes } from '../support/request-mutations.js'

// INPUTS may make it as long as it likes.
t.setTimeout(0)

const INPUTS = Number(process.env['INPUTS'] ?? 200_000)
const HEAD_MAX = 65_536
const AT_ONCE = 64

/** What the fast lane takes of these bytes, request by request, and where Node's parser says otherwise. */
function disagreement(bytes: Buffer, seen: readonly NodeRequest[], count: (what: string) => void): string | undefined {
  let rest = bytes
  for (const request of [...seen, undefined]) {
    const head = parsePlainHead(rest, HEAD_MAX)
    count(head === undefined ? 'left' : 'taken')
    if (head === undefined) return undefined
    if (!isKnownMethod(head.method)) return void count('other methods')
    if (request === undefined) return `takes what Node refuses: ${head.method} ${head.target}`
    const { end, length = 0 } = head
    const body = rest.subarray(end, end + length)
    const mine = [head.method, head.target, ...head.fields].join('\n')
    const theirs = [request.method, request.target, ...request.fields].join('\n')
    if (mine !== theirs) return `reads\n${mine}\nwhere Node reads\n${theirs}`
    if (!body.equals(request.body)) return `takes a body of ${body.length} where Node takes ${request.body.length}`
    if ((body.length === length) !== request.isWhole()) return 'sees another end of the body'
    if (head.keepAlive !== request.keepAlive) return `keeps the connection: ${head.keepAlive}`
    if (!head.keepAlive || !request.isWhole()) return undefined
    rest = rest.subarray(end + length)
  }
  return undefined
}

test(`the fast lane takes nothing that Node refuses, and frames nothing otherwise, in ${INPUTS} damaged inputs`, async t => {
  t.comment(`SEED=${SEED}`)
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  const parsers = Array.from({ length: AT_ONCE }, () => new NodeParser())
  let next = 0
  const lane = async (parser: NodeParser) => {
    for (let input = next++; input < INPUTS; input = next++) {
      const bytes = Buffer.from(clientBytes(new Dice(SEED + input), `r${input}`, '127.0.0.1:8080'), 'latin1')
      const wrong = disagreement(bytes, await parser.read(bytes), count)
      if (wrong !== undefined)
        throw new Error(`SEED=${SEED + input}: ${wrong}, in ${JSON.stringify(bytes.toString('latin1'))}`)
    }
  }
  await Promise.all(parsers.map(lane))
  t.comment(counts)
  for (const what of ['taken', 'left', 'other methods']) t.ok((counts[what] ?? 0) > INPUTS / 50, `${what} happens`)
})

test('on every row of the request tables it says the same as Node, or nothing', async t => {
  const parser = new NodeParser()
  const rows = [...MALFORMED_HEADS, ...MALFORMED_FRAMING, ...ACCEPTED_REQUESTS, ...HOP_REQUESTS]
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  for (const [id, name, text] of rows) {
    const bytes = Buffer.from(text.replaceAll('UP', '127.0.0.1:8080'), 'latin1')
    t.equal(disagreement(bytes, await parser.read(bytes), count), undefined, `${id} ${name}`)
  }
  t.ok((counts['taken'] ?? 0) > 50, 'many of them are of the plain form')
})
