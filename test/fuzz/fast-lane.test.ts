import t, { test } from 'tap'
import { parseConnectHead } from '../../src/listener/connect-head.js'
import { parsePlainHead } from '../../src/wire/plain-head.js'
import { ACCEPTED_REQUESTS } from '../conformance/vectors/requests-accepted.js'
import { MALFORMED_FRAMING } from '../conformance/vectors/requests-framing.js'
import { HOP_REQUESTS } from '../conformance/vectors/requests-hops.js'
import { MALFORMED_HEADS } from '../conformance/vectors/requests-malformed.js'
import { Dice, SEED } from '../support/fuzz.js'
import { isKnownMethod, NodeParser, type NodeRequest } from '../support/node-parser.js'
import { clientBytes, connectBytes } from '../support/request-mutations.js'

// INPUTS may make it as long as it likes.
t.setTimeout(0)

const INPUTS = Number(process.env['INPUTS'] ?? 200_000)
const HEAD_MAX = 65_536
const AT_ONCE = 64

/** What the fast lane takes of these bytes, request by request, and where Node's parser says otherwise. */
function disagreement(bytes: Buffer, seen: readonly NodeRequest[], count: Count): string | undefined {
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

/** The same for a CONNECT that is next. */
function tunnelDisagreement(bytes: Buffer, seen: readonly NodeRequest[], count: Count): string | undefined {
  const head = parseConnectHead(bytes, HEAD_MAX)
  count(head === undefined ? 'left' : 'taken')
  if (head === undefined) return undefined
  const [request] = seen
  if (request === undefined) return `takes what Node refuses: ${head.target}`
  const mine = ['CONNECT', head.target, ...head.fields].join('\n')
  const theirs = [request.method, request.target, ...request.fields].join('\n')
  if (mine !== theirs) return `reads\n${mine}\nwhere Node reads\n${theirs}`
  return bytes.toString('latin1', 0, head.end).endsWith('\r\n\r\n') ? undefined : 'sees another end of the head'
}

type Count = (what: string) => void
type Compare = typeof disagreement

/** @returns how often what was found */
async function compareAll(inputs: number, make: (dice: Dice, input: number) => string, compare: Compare) {
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  let next = 0
  const lane = async (parser: NodeParser) => {
    for (let input = next++; input < inputs; input = next++) {
      const bytes = Buffer.from(make(new Dice(SEED + input), input), 'latin1')
      const wrong = compare(bytes, await parser.read(bytes), count)
      if (wrong !== undefined)
        throw new Error(`SEED=${SEED + input}: ${wrong}, in ${JSON.stringify(bytes.toString('latin1'))}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, () => lane(new NodeParser())))
  return counts
}

test(`the fast lane takes nothing that Node refuses, and frames nothing otherwise, in ${INPUTS} damaged inputs`, async t => {
  t.comment(`SEED=${SEED}`)
  const counts = await compareAll(
    INPUTS,
    (dice, input) => clientBytes(dice, `r${input}`, '127.0.0.1:8080'),
    disagreement,
  )
  t.comment(counts)
  for (const what of ['taken', 'left', 'other methods']) t.ok((counts[what] ?? 0) > INPUTS / 50, `${what} happens`)
})

test(`a CONNECT that is begun without Node is one that Node reads alike, in ${INPUTS / 10} damaged inputs`, async t => {
  t.comment(`SEED=${SEED}`)
  const counts = await compareAll(INPUTS / 10, dice => connectBytes(dice, 'a.test:443'), tunnelDisagreement)
  t.comment(counts)
  for (const what of ['taken', 'left']) t.ok((counts[what] ?? 0) > INPUTS / 100, `${what} happens`)
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
    const seen = await parser.read(bytes)
    t.equal(disagreement(bytes, seen, count), undefined, `${id} ${name}`)
    t.equal(
      tunnelDisagreement(bytes, seen, () => undefined),
      undefined,
      `${id} ${name}, as a CONNECT`,
    )
  }
  t.ok((counts['taken'] ?? 0) > 50, 'many of them are of the plain form')
})
