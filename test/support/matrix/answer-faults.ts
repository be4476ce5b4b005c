import { type Dice, turns } from './dice.js'
import type { Shape } from './lanes.js'
import type { Ending, Kind, NetworkFault } from './network-fault.js'
import { end, flushed, goodAnswer, left, say, text } from './plays.js'

const BAD: Ending = { status: 502, code: 'bad_upstream_answer', error: 'http_protocol_error' }
const ENDLESS: Ending = { ...BAD, error: 'http_response_header_section_size' }
const CUT_HEAD: Ending = { status: 502, code: 'bad_upstream_answer', error: 'http_response_incomplete' }

type Piece = (dice: Dice, shape: Shape) => string

/** A head that went out, and a body that is not whole. */
const cut = (name: string, id: string, bytes: Piece): NetworkFault => ({
  id,
  name,
  kind: 'cut',
  ending: undefined,
  play: async (turn, dice, shape) => {
    if ((await turn.body()) === undefined) return
    await say(turn.socket, bytes(dice, shape), dice)
    await end(turn, dice)
  },
})

const type = ({ events }: Shape): string => (events ? 'Content-Type: text/event-stream\r\n' : '')
const inChunks = (dice: Dice, shape: Shape): string => {
  const size = 1 + dice.roll(2_000)
  const event = shape.events ? 'data: 1\n\n' : ''
  const first = event + text(size)
  return `HTTP/1.1 200 OK\r\n${type(shape)}Transfer-Encoding: chunked\r\n\r\n${first.length.toString(16)}\r\n${first}`
}

const CUT: readonly NetworkFault[] = [
  cut('an answer with a length ends early', 'F07', (dice, shape) => {
    const there = dice.pick([0, 1, 100, 5_000, 30_000])
    return `HTTP/1.1 200 OK\r\n${type(shape)}Content-Length: ${there + 1 + dice.roll(9_000)}\r\n\r\n${text(there)}`
  }),
  cut('an answer in chunks ends behind one', 'F08', (dice, shape) => `${inChunks(dice, shape)}\r\n`),
  cut('an answer in chunks ends within one', 'F08', (dice, shape) => inChunks(dice, shape).slice(0, -1)),
  cut(
    'an answer in chunks ends within the last',
    'F08',
    (dice, shape) => `${inChunks(dice, shape)}\r\n${dice.pick(['0', '0\r', '0\r\n', '0\r\n\r', '0\r\nX: y\r\n'])}`,
  ),
  {
    id: 'F07',
    name: 'an answer ends within its head',
    kind: 'ambiguous',
    ending: CUT_HEAD,
    play: async (turn, dice) => {
      if ((await turn.body()) === undefined) return
      const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Long: some words\r\n'
      await say(turn.socket, head.slice(0, 1 + dice.roll(head.length - 1)), dice)
      await flushed(turn.socket)
      await turns(dice.roll(4))
      // A reset may take with it what was not read: that is F04.
      turn.socket.end()
    },
  },
]

/** Heads that are none, or frame the body in two ways. */
const BAD_HEADS: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde',
  'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX-A: kanarie\rX-B: c\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX-A: kan\0arie\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX A: kanarie\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX-A : kanarie\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nno colon kanarie\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'SSH-2.0-kanarie\r\n\r\n',
  '<html>kanarie</html>\r\n\r\n',
]
/** Behind a good head. */
const BAD_BODIES: readonly string[] = [
  'zz\r\nabc\r\n0\r\n\r\n',
  '3\r\nabcXX\r\n0\r\n\r\n',
  '-3\r\nabc\r\n0\r\n\r\n',
  '3\nabc\r\n0\r\n\r\n',
  'fffffffffffffffff\r\nabc',
  '3\r\nabc\r\n0\r\nno colon\r\n\r\n',
]

/** Says it, and waits for the daemon to end the connection: it is the one that must. */
const refusedBytes =
  (bytes: (dice: Dice) => string): NonNullable<NetworkFault['play']> =>
  async (turn, dice) => {
    if ((await turn.body()) === undefined) return
    await say(turn.socket, bytes(dice), dice)
    await left(turn.socket)
  }

const MALFORMED: readonly NetworkFault[] = [
  {
    id: 'F09',
    name: 'a malformed head',
    kind: 'ambiguous',
    ending: BAD,
    play: refusedBytes(dice => dice.pick(BAD_HEADS)),
  },
  {
    id: 'F09',
    name: 'a malformed body',
    kind: 'cut',
    ending: undefined,
    play: refusedBytes(dice => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${dice.pick(BAD_BODIES)}`),
  },
  {
    id: 'F10',
    name: 'a head without end',
    kind: 'ambiguous',
    ending: ENDLESS,
    play: refusedBytes(dice =>
      dice.once(2) ? `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(12_000)}` : `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(70_000)}`,
    ),
  },
  {
    id: 'F10',
    name: 'interim answers without end, or a 101 that nobody asked for',
    kind: 'ambiguous',
    ending: BAD,
    play: refusedBytes(({ pick }) =>
      pick([
        'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000),
        'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000),
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
      ]),
    ),
  },
]

const UNASKED: NetworkFault = {
  id: 'F15',
  name: 'a second answer that nobody asked for',
  kind: 'harmless',
  ending: undefined,
  play: async (turn, dice) => {
    if ((await turn.body()) === undefined) return
    const answer = goodAnswer(turn.arrival, dice)
    const last = dice.roll(answer.length)
    await say(turn.socket, answer.slice(0, last), dice)
    // In one breath: what comes later may come when the next request is on its way, and nobody can tell them apart.
    turn.socket.write(`${answer.slice(last)}HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nkanarie`)
    await left(turn.socket)
  },
}

const GARBAGE = ['-5', 'soon', '0.5.1', '1 s', 'NaN', 'Infinity', '0x1', '1e3']
const PAST = ['0', 'Thu, 01 Jan 1998 00:00:00 GMT', 'Thursday, 01-Jan-98 00:00:00 GMT']
const FAR = ['99999', '1000000000000', '4294967296', '2147483648', 'Fri, 31 Dec 2199 23:59:59 GMT']

/** Each attempt is answered so, with one of these hints. */
const hinted = (name: string, kind: Kind, status: number, hints: readonly string[]): NetworkFault => ({
  id: 'F16',
  name,
  kind,
  ending: { status, code: '', error: '' },
  play: async (turn, dice) => {
    if ((await turn.body()) === undefined) return
    const hint = dice.pick(hints)
    await say(turn.socket, `HTTP/1.1 ${status} No\r\nRetry-After: ${hint}\r\nContent-Length: 5\r\n\r\nfinal`, dice)
  },
})

const HINTS: readonly NetworkFault[] = [
  hinted('429 with a hint that nobody can read', 'refused', 429, GARBAGE),
  hinted('503 with a hint that nobody can read', 'failed', 503, GARBAGE),
  hinted('429 with a hint that is past', 'refused', 429, PAST),
  hinted('503 with a hint that is past', 'refused', 503, PAST),
  hinted('429 with a hint that is too long', 'final', 429, FAR),
  hinted('503 with a hint that is too long', 'final', 503, FAR),
  { ...hinted('500', 'failed', 500, ['soon']), id: 'F17' },
  { ...hinted('503', 'failed', 503, ['soon']), id: 'F17' },
]

/** Answers that are cut, malformed, twice as many as asked for, or say when to come back in odd words. */
export const ANSWER_FAULTS: readonly NetworkFault[] = [...CUT, ...MALFORMED, UNASKED, ...HINTS]
