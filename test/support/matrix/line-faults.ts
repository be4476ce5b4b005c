import { turns } from './dice.js'
import type { Shape } from './lanes.js'
import type { Ending, Kind, NetworkFault } from './network-fault.js'
import { left, say, trickle, wellPlayed } from './plays.js'

const hasBody = ({ framing }: Shape): boolean => framing !== 'none'

const RESET: Ending = { status: 502, code: 'reset', error: 'connection_terminated' }
const LATE: Ending = { status: 504, code: 'deadline', error: 'http_response_timeout' }
const unreached = (code: string, error: string | RegExp): Ending => ({ status: 502, code, error })

const UNREACHED: readonly NetworkFault[] = [
  ['F01', 'no-such-name', 'unsent', unreached('dns_failed', 'dns_error')] as const,
  ['F01', 'broken-resolver', 'unsent', unreached('dns_failed', 'dns_timeout')] as const,
  ['F01', 'silent-resolver', 'unsent', unreached('dns_failed', 'dns_timeout')] as const,
  ['F02', 'refused', 'unsent', unreached('connect_failed', 'connection_refused')] as const,
  ['F02', 'mute', 'unsent', unreached('connect_failed', 'connection_timeout')] as const,
  ['F03', 'untrusted', 'invalid', unreached('tls_failed', 'tls_certificate_error')] as const,
  ['F03', 'misnamed', 'invalid', unreached('tls_failed', 'tls_certificate_error')] as const,
  ['F03', 'expired', 'invalid', unreached('tls_failed', 'tls_certificate_error')] as const,
  ['F03', 'banner', 'unsent', unreached('tls_failed', 'tls_protocol_error')] as const,
  ['F03', 'hang-up', 'unsent', unreached('tls_failed', 'tls_protocol_error')] as const,
  ['F03', 'shaky', 'shaky', unreached('tls_failed', 'tls_protocol_error')] as const,
].map(([id, route, kind, ending]) => ({ id, name: route, kind, ending, route }))

const LOST: readonly NetworkFault[] = [
  {
    id: 'F04',
    name: 'the connection ends once the request is there',
    kind: 'ambiguous',
    ending: RESET,
    play: async (turn, dice) => {
      await turn.body()
      await turns(dice.roll(3))
      if (dice.once(2)) turn.reset()
      else turn.socket.destroy()
    },
  },
  {
    id: 'F05',
    name: 'it ends within the body',
    kind: 'ambiguous',
    ending: RESET,
    fits: hasBody,
    play: async (turn, dice) => {
      await turn.some(dice.roll(3_000))
      if (dice.once(2)) turn.reset()
      else turn.socket.destroy()
    },
  },
  {
    id: 'F06',
    name: 'a connection that was used before ends without a byte',
    kind: 'stale',
    ending: RESET,
    play: async (turn, dice) => {
      // On a new one there is nothing to play: the answer is as usual.
      if (turn.arrival.onConnection === 1) return wellPlayed(turn, dice)
      if (dice.once(2)) await turn.body()
      if (dice.once(2)) turn.reset()
      else turn.socket.end(() => turn.socket.destroy())
    },
  },
]

const SILENT: readonly NetworkFault[] = [
  {
    id: 'F11',
    name: 'a head that trickles',
    kind: 'ambiguous',
    ending: LATE,
    slow: true,
    play: async ({ body, socket }) => {
      if ((await body()) === undefined) return
      await trickle(socket, [...'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: very\r\n'], 50)
      socket.destroy()
    },
  },
  {
    id: 'F11',
    name: 'a body that trickles',
    kind: 'harmless',
    ending: undefined,
    slow: true,
    play: async ({ body, socket, arrival }) => {
      if ((await body()) === undefined) return
      const words = `well ${arrival.path.replace(/^.*\/|\?.*$/g, '')}`
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const letters = [words.slice(0, 3), words.slice(3, 6), words.slice(6)]
      await trickle(socket, [...letters.map(part => `${part.length.toString(16)}\r\n${part}\r\n`), '0\r\n\r\n'], 150)
    },
  },
  {
    id: 'F11',
    name: 'events that are silent for longer than `idle`',
    kind: 'harmless',
    ending: undefined,
    slow: true,
    fits: ({ events }) => events,
    play: async ({ socket, arrival }) => {
      const words = `well ${arrival.path.replace(/^.*\/|\?.*$/g, '')}`
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
      await trickle(
        socket,
        ['5\r\nwell \r\n', `${(words.length - 5).toString(16)}\r\n${words.slice(5)}\r\n0\r\n\r\n`],
        1_500,
      )
    },
  },
  {
    id: 'F11',
    name: 'a body that falls silent',
    kind: 'cut',
    ending: undefined,
    slow: true,
    fits: ({ events }) => !events,
    play: async ({ body, socket }) => {
      if ((await body()) === undefined) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')
      await left(socket)
    },
  },
  {
    id: 'F12',
    name: 'no answer at all',
    kind: 'ambiguous',
    ending: LATE,
    slow: true,
    play: async ({ body, socket }) => {
      if ((await body()) === undefined) return
      await left(socket)
    },
  },
]

const EXPECTING: readonly NetworkFault[] = [
  {
    id: 'F13',
    name: '`Expect` that is never answered',
    kind: 'harmless',
    ending: undefined,
    http1: true,
    expects: true,
    fits: hasBody,
    play: (turn, dice) => wellPlayed(turn, dice),
  },
  {
    id: 'F13',
    name: '`Expect` that is answered late',
    kind: 'harmless',
    ending: undefined,
    http1: true,
    expects: true,
    fits: hasBody,
    play: async (turn, dice) => {
      await trickle(turn.socket, ['', 'HTTP/1.1 100 Continue\r\n\r\n'], 100)
      await wellPlayed(turn, dice)
    },
  },
  {
    id: 'F13',
    name: '`Expect` that is refused',
    kind: 'final',
    ending: { status: 417, code: '', error: '' },
    http1: true,
    expects: true,
    fits: hasBody,
    play: ({ socket }) => void socket.end('HTTP/1.1 417 No\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfinal'),
  },
]

/** An answer before the body was read, or not all of it. */
const early = (name: string, kind: Kind, status: number, ...fields: string[]): NetworkFault => ({
  id: 'F14',
  name,
  kind,
  ending: { status, code: '', error: '' },
  fits: hasBody,
  play: async (turn, dice) => {
    await turn.some(dice.pick([0, 1, 500, 5_000]))
    // Half of them read on: the rest of the body is on the same connection, and no request.
    const readsOn = dice.once(2)
    const lines = [...fields, 'Content-Length: 5', ...(readsOn ? [] : ['Connection: close'])]
    await say(turn.socket, `HTTP/1.1 ${status} Early\r\n${lines.join('\r\n')}\r\n\r\nfinal`, dice)
    if (readsOn) await turn.body()
    else turn.socket.end()
  },
})

const EARLY: readonly NetworkFault[] = [
  early('413 before the body', 'final', 413),
  early('303 before the body', 'final', 303, 'Location: /elsewhere'),
  early('401 before the body', 'final', 401, 'WWW-Authenticate: Bearer'),
  early('402 before the body', 'final', 402),
  early('429 before the body', 'refused', 429),
  early('503 with a hint before the body', 'refused', 503, 'Retry-After: 0'),
]

/** Names, connections, requests on their way, and answers that do not come or come too soon. */
export const LINE_FAULTS: readonly NetworkFault[] = [...UNREACHED, ...LOST, ...SILENT, ...EXPECTING, ...EARLY]
