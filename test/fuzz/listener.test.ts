import { connect } from 'node:net'
import t, { test } from 'tap'
import { request } from '../support/client.js'
import { Dice, SEED } from '../support/fuzz.js'
import { startLive } from '../support/live-daemon.js'
import { makeHome, PATIENT } from '../support/mulligan.js'
import { clientBytes } from '../support/request-mutations.js'
import { readRequests, type StrictRequest } from '../support/strict-request.js'
import { startStrictUpstream } from '../support/strict-upstream.js'

// CLIENTS may make it as long as it likes.
t.setTimeout(0)

const CLIENTS = Number(process.env['CLIENTS'] ?? 2_000)
const LANES = 8
/** Longer than any answer takes here, in milliseconds. */
const PATIENCE = 10_000

/** Far apart, so that no damaged address of one lane is that of another. */
const hostOf = (lane: number): string => `127.${lane + 1}.${lane + 1}.${lane + 1}`
const ROUTES = `${PATIENT}routes:\n${Array.from({ length: LANES }, (_, lane) => `  - { name: r${lane}, match: { host: "${hostOf(lane)}" }, retry: off, breaker: off, cooldown: off }`).join('\n')}\n`

type Ended = 'answered' | 'closed' | 'silent'

/** Sends the bytes in pieces, and leaves when all that was asked is answered, or nothing more can be. */
function play(port: number, pieces: readonly Buffer[], answers: number, cut: boolean): Promise<Ended> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    let ended: Ended = 'closed'
    const leave = (how: Ended) => {
      ended = how
      socket.destroy()
    }
    socket.setTimeout(PATIENCE, () => leave('silent'))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(ended))
    const isDone = () => (received.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0) >= answers
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      if (isDone() && !cut) leave('answered')
    })
    const send = (at: number) => {
      const piece = pieces[at]
      if (piece !== undefined) socket.write(piece, () => setImmediate(send, at + 1))
      else if (cut || answers === 0) socket.end()
    }
    send(0)
  })
}

/** A request as an upstream would name it. */
const keyOf = ({ method, target }: StrictRequest): string => {
  const path = target.replace(/^https?:\/\/[^/?]*/i, '')
  return `${method} ${path.startsWith('/') ? path : method === 'OPTIONS' && path === '' ? '*' : path === '*' ? '*' : `/${path}`}`
}

/** What reached the upstream and nobody had asked for, each request once. */
function unasked(asked: readonly StrictRequest[], reached: readonly StrictRequest[]): string[] {
  const left = new Map<string, StrictRequest[]>()
  for (const one of asked) left.set(keyOf(one), [...(left.get(keyOf(one)) ?? []), one])
  return reached.flatMap(one => {
    const those = left.get(keyOf(one)) ?? []
    const at = those.findIndex(({ body, whole }) =>
      one.whole ? whole && body === one.body : body.startsWith(one.body),
    )
    if (at === -1) return [`${keyOf(one)} with ${JSON.stringify(one.body)}, whole: ${one.whole}`]
    those.splice(at, 1)
    return []
  })
}

test('F2: whatever bytes clients send, upstreams get only requests that a strict reader finds in them, each once', async t => {
  t.comment(`${CLIENTS} clients from seed ${SEED}; CLIENTS=… makes more, SEED=… repeats`)
  const live = await startLive(t, makeHome(t, ROUTES), 'off')
  let reached = 0
  let clean = 0
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const upstream = await startStrictUpstream(hostOf(lane))
    const asked: StrictRequest[] = []
    const wrong: string[] = []
    for (let client = lane; client < CLIENTS; client += LANES) {
      const dice = new Dice(SEED + client)
      const text = clientBytes(dice, `c${client}`, upstream.authority)
      const reading = readRequests(text, { request: true })
      asked.push(...reading.requests)
      const answers = reading.requests.filter(({ whole }) => whole).length
      const ended = await play(live.port, dice.pieces(Buffer.from(text, 'latin1')), answers, reading.flaw !== undefined)
      if (ended === 'silent') wrong.push(`client ${client} waits: ${JSON.stringify(text)}, ${reading.flaw}`)
      const good = await request(live.port, `http://${upstream.authority}/good-${client}`)
      asked.push({ method: 'GET', target: `/good-${client}`, fields: [], body: '', trailers: [], whole: true, end: 0 })
      if (good.status === 200) clean++
      else wrong.push(`after client ${client} a good request gets ${good.status}: ${JSON.stringify(text)}`)
    }
    await upstream.close()
    reached += upstream.requests().length
    return [...wrong, ...upstream.flaws(), ...unasked(asked, upstream.requests())]
  })
  const wrong = (await Promise.all(lanes)).flat()
  t.same(wrong.slice(0, 5), [], `${wrong.length} wrongs`)
  t.comment(`${reached} requests reached an upstream, ${clean} good ones behind bad ones among them`)
  t.ok(reached - clean > CLIENTS / 2, 'enough got through to mean something')
  t.notMatch(live.printed(), /bug in mulligan|FATAL|Error:/, 'no bug was logged')
  await live.stop()
})
