import type { Got } from './answer-reader.js'
import { isGood, problemIn } from './judge.js'
import { type Errand, SHAPES, type Shape } from './lanes.js'
import { say, wellPlayed } from './plays.js'
import type { Turn } from './scripted-origin.js'
import { ATTEMPTS, routeOf } from './settings.js'
import { type Asked, given, type Trial } from './trial.js'

export const keyRoute = (http: number): string =>
  routeOf(
    'orders',
    `http://127.0.0.1:${http}`,
    'idempotency: { upstream: none, replay: { rate: { per_second: 100000, burst: 100000 } } }',
  )

const KEYED = SHAPES.find(shape => shape.class === 'keyed') as Shape
const CHUNKED: Shape = { ...KEYED, name: 'POST in chunks with a key', framing: 'chunked' }

/** The same request again. @param more what is different about it */
const again = ({ errand }: Asked, more: object = {}): object => ({ ...errand, ...more })

const codeOf = (got: Got): unknown => problemIn(got)?.['code']

/** F24: one idempotency key, more than once. */
export const KEY_TRIALS: readonly Trial[] = [
  {
    fault: 'F24',
    name: 'one key six times at once, then again, then with another body',
    run: async ({ dice, ask, errand, way }) => {
      const shape = dice.pick([KEYED, CHUNKED])
      const same: Errand = { ...errand(shape, 'orders'), way: 'absolute-form' }
      let effects = 0
      const play = async (turn: Turn) => {
        effects++
        await wellPlayed(turn, dice)
      }
      // By a mount it would be another resource of the origin.
      const send = (n: number) =>
        ask(shape, 'orders', play, { ...same, way: way(n) === 'mount' ? 'TLS' : way(n), fresh: true })
      const all = await Promise.all([1, 2, 3, 4, 5, 6].map(send))
      const last = await send(7)
      const wrong = [...all, last].flatMap(({ got }) =>
        isGood(same.id)(got) === undefined ? [] : [`got ${got.status}`],
      )
      if (effects !== 1) wrong.push(`${effects} effects`)
      if (last.got.header('idempotent-replayed') !== 'true') wrong.push('a replay that does not say so')
      const body = Buffer.from('another one')
      const other = await ask(shape, 'orders', play, { ...same, body, pieces: [body] })
      if (other.got.status !== 422 || codeOf(other.got) !== 'key_reused')
        wrong.push(`another body: ${other.got.status}`)
      return effects === 1 ? wrong : [...wrong, 'another body was sent on']
    },
  },
  {
    fault: 'F24',
    name: 'a key after 429s and after a 500',
    run: async ({ dice, ask }) => {
      const status = dice.pick([429, 500])
      const refuse = async (turn: Turn) => {
        if ((await turn.body()) === undefined) return
        await say(turn.socket, `HTTP/1.1 ${status} No\r\nContent-Length: 5\r\n\r\nfinal`, dice)
      }
      const first = await ask(KEYED, 'orders', refuse)
      const wrong = given(first.got, status)
      if (first.arrivals.length !== (status === 429 ? ATTEMPTS : 1)) wrong.push(`asked ${first.arrivals.length} times`)
      const second = await ask(KEYED, 'orders', turn => wellPlayed(turn, dice), again(first))
      // A refusal frees the key; a 500 may have acted.
      const good = isGood(second.errand.id)(second.got) === undefined
      const blocked = second.got.status === 409 && codeOf(second.got) === 'outcome_unknown'
      if (status === 429 ? !good : !good && !blocked) wrong.push(`after ${status}: got ${second.got.status}`)
      return wrong
    },
  },
  {
    fault: 'F24',
    name: 'a key after an answer that broke off',
    run: async ({ dice, ask }) => {
      const cut = async (turn: Turn) => {
        if ((await turn.body()) === undefined) return
        await say(turn.socket, 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf of it', dice)
        turn.socket.end()
      }
      const first = await ask(KEYED, 'orders', cut)
      const wrong = first.got.broken ? [] : [`a broken answer that looks whole: ${first.got.status}`]
      const second = await ask(KEYED, 'orders', turn => wellPlayed(turn, dice), again(first))
      if (second.arrivals.length > 0) wrong.push('it was sent a second time')
      if (second.got.status !== 409) wrong.push(`after a broken one: ${second.got.status} ${second.got.body}`)
      return wrong
    },
  },
]
