import { type Test, test } from 'tap'
import { Dice, SEED } from '../support/fuzz.js'
import { NodeParser } from '../support/node-parser.js'
import { type Cut, openStage, play, type VectorStage } from '../support/vector-play.js'
import { REQUEST_VECTORS } from './request-vectors.js'
import { ask, asked, type Outcome, type RequestVector } from './vectors/request-vector.js'
import { THREE_IN_ONE_PIECE } from './vectors/request-vectors-connections.js'

/** `LANE=node`, `LANE=fast`: only this one (test/support/daemon.ts). */
const LANES = (['fast', 'node'] as const).filter(lane => (process.env['LANE'] ?? lane) === lane)
/** Longer rows are cut in fewer places. */
const CUTS_MAX = 400

async function stageOf(t: Test, lane: 'fast' | 'node'): Promise<VectorStage> {
  const stage = await openStage(lane)
  t.teardown(() => stage.close())
  return stage
}

const outcomeOn = ({ outcome, onNode }: RequestVector, lane: 'fast' | 'node'): Outcome =>
  lane === 'node' ? (onNode ?? outcome) : outcome

for (const lane of LANES) {
  test(`F2: every request vector ends as it says, read by ${lane === 'fast' ? 'the fast lane' : 'node:http'}`, async t => {
    const stage = await stageOf(t, lane)
    for (const row of REQUEST_VECTORS) t.equal(await play(stage, row.sent, outcomeOn(row, lane)), undefined, row.name)
  })

  const CLEAN = `${ask('POST', '/clean', 'Content-Length: 5')}clean`
  const GOT_CLEAN = `${asked('POST', '/clean', 'Content-Length: 5')}clean`
  const behindClean = ({ answers, reaches, after }: Outcome): Outcome => ({
    answers: [200, ...answers],
    reaches: reaches === undefined ? undefined : GOT_CLEAN + reaches,
    after,
  })

  test(`F2: every request vector ends so behind a clean request in one piece, lane ${lane}`, async t => {
    const stage = await stageOf(t, lane)
    for (const row of REQUEST_VECTORS)
      t.equal(await play(stage, CLEAN + row.sent, behindClean(outcomeOn(row, lane))), undefined, row.name)
  })

  test(`F2: what is malformed behind a whole request does not undo it while it waits for its answer, lane ${lane}`, async t => {
    const stage = await stageOf(t, lane)
    for (const flaw of ['\0', 'GET http://UP/ HTTP/1.1\r\n\r\n', ' ', 'GET http://UP/ HTTP/9.9\r\n\r\n']) {
      const answered = stage.hold()
      const wrong = play(stage, CLEAN + flaw, { answers: [200, 400], reaches: GOT_CLEAN, after: 'closed' }, bytes => [
        bytes.subarray(0, bytes.length - flaw.length),
        bytes.subarray(bytes.length - flaw.length),
      ])
      await answered()
      t.equal(await wrong, undefined, JSON.stringify(flaw))
    }
  })
}

/** A method that Node does not know passes where its head is read in one piece. */
async function playCut(stage: VectorStage, row: RequestVector, cut: Cut): Promise<string | undefined> {
  const wrong = await play(stage, row.sent, row.outcome, cut)
  if (wrong === undefined || row.onNode === undefined) return wrong
  return play(stage, row.sent, row.onNode, cut)
}

test('F2: every request vector ends so when it comes octet by octet', async t => {
  const stage = await stageOf(t, 'fast')
  const cut: Cut = bytes => {
    const size = Math.ceil(bytes.length / CUTS_MAX)
    return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
  }
  for (const row of REQUEST_VECTORS) t.equal(await playCut(stage, row, cut), undefined, row.name)
})

test('F2: every request vector ends so when it comes in pieces cut anywhere', async t => {
  t.comment(`SEED=${SEED}`)
  const stage = await stageOf(t, 'fast')
  for (const [i, row] of REQUEST_VECTORS.entries()) {
    const pieces: Cut = bytes => new Dice(SEED + i).pieces(bytes).filter(piece => piece.length > 0)
    t.equal(await playCut(stage, row, pieces), undefined, row.name)
  }
})

test('F2: three requests are answered alike wherever they are cut in two', async t => {
  const stage = await stageOf(t, 'fast')
  const { sent, outcome } = THREE_IN_ONE_PIECE
  for (let at = 1; at < sent.length; at++)
    t.equal(await play(stage, sent, outcome, bytes => [bytes.subarray(0, at), bytes.subarray(at)]), undefined)
})

test('the rows are many and their names are sentences of their own', t => {
  t.ok(REQUEST_VECTORS.length >= 600, `${REQUEST_VECTORS.length} rows`)
  t.equal(new Set(REQUEST_VECTORS.map(({ name }) => name)).size, REQUEST_VECTORS.length)
  t.end()
})

test("a row says where we refuse what Node's own server takes", async t => {
  const parser = new NodeParser()
  const version = process.versions['llhttp'] ?? ''
  const rows = REQUEST_VECTORS.filter(({ outcome }) => outcome.answers.length === 1 && isRefusal(outcome))
  const wrong: string[] = []
  for (const { name, sent, stricter } of rows) {
    const seen = await parser.read(Buffer.from(sent.replaceAll('UP', '127.0.0.1:80'), 'latin1'))
    if ((seen.length > 0 && !parser.refused) !== (stricter === true)) wrong.push(name)
  }
  // What it takes changes with its version.
  if (version.startsWith('9.3.')) t.same(wrong, [])
  else t.comment(`llhttp ${version} sees ${wrong.length} rows otherwise`, wrong)
  t.ok(rows.length > 300, `${rows.length} rows`)
})

const isRefusal = ({ answers: [status = 0] }: Outcome): boolean => status >= 400 && status !== 404
