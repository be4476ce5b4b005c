import { ODD_OFFERS } from '../x402/odd-offers.js'
import { answerV2, terms } from '../x402/offers.js'
import { isPaid, refusalOf } from '../x402/scripted-seller.js'
import { isGood, problemIn } from './judge.js'
import { SHAPES } from './lanes.js'
import { say, wellPlayed } from './plays.js'
import type { Turn } from './scripted-origin.js'
import { ATTEMPTS, routeOf, SLOW } from './settings.js'
import { damaged, type Trial, valuesOf } from './trial.js'

export const WALLET = `
wallets:
  agent:
    evm: { key: { env: WALLET_KEY } }
    networks: ["eip155:84532"]
    assets: [USDC]
    limits: { per_request: "0.05 USDC", per_hour: "100000 USDC" }
`

export const paymentRoute = (https: number): string =>
  routeOf(
    'shop',
    `https://localhost:${https}`,
    'payment: { wallet: agent }',
    `timeout: { total: 10s, per_try: ${SLOW.perTry * 2}ms }`,
  )

/** What every signature is for, in atomic units of USDC. */
export const PRICE = 10_000

const own = (changes: Record<string, unknown> = {}) =>
  refusalOf(answerV2(terms({ resource: { url: '/paid', mimeType: 'application/json' } }, changes)))
const OFFER = own()
const DEARER = own({ amount: '20000' })

const ODD = ODD_OFFERS.map(([name, offer]) => [name, refusalOf(offer)] as const).filter(
  // Longer than a head may be: nobody can be given it.
  ([name, text]) => name !== 'another port of the host' && (text.split('\r\n\r\n')[0] ?? '').length < 60_000,
)

/** A seller whose answer to a payment is up to the trial. */
const seller =
  (paid: (turn: Turn, payments: number) => unknown, offer = OFFER) =>
  () => {
    let payments = 0
    return async (turn: Turn): Promise<void> => {
      if ((await turn.body()) === undefined) return
      if (!isPaid(turn.arrival)) return void turn.socket.write(offer)
      await paid(turn, ++payments)
    }
  }

const signatures = (arrivals: Parameters<typeof valuesOf>[0]): Set<string> =>
  new Set(['payment-signature', 'x-payment'].flatMap(name => valuesOf(arrivals, name)))

/** @param sold hears how many signatures were made */
export function paymentTrials(sold: (signatures: number) => void): Trial[] {
  return [odd(), ...lost(sold), ...unwilling(sold)]
}

const odd = (): Trial => ({
  fault: 'F20, F21',
  name: '402s that cannot be read, or ask for what is not allowed',
  run: async ({ dice, ask, way }) => {
    const wrong: string[] = []
    for (const [n, shape] of SHAPES.entries()) {
      const [name, text] = dice.pick(ODD)
      const { got, arrivals } = await ask(shape, 'shop', seller(() => undefined, text)(), { way: way(n) })
      const body = text.slice(text.indexOf('\r\n\r\n') + 4)
      if (got.status !== 402 || got.broken || got.body.toString() !== body) wrong.push(`${name}: got ${got.status}`)
      if (arrivals.length !== 1 || signatures(arrivals).size > 0) wrong.push(`${name}: asked ${arrivals.length} times`)
    }
    return wrong
  },
})

const LOSSES = ['a reset', 'silence', 'a 502'] as const

const lost = (sold: (signatures: number) => void): Trial[] =>
  LOSSES.map(loss => ({
    fault: 'F22',
    name: `a payment answered by ${loss}`,
    run: async ({ dice, ask, way }) => {
      const one = async (shape: (typeof SHAPES)[number], n: number): Promise<string[]> => {
        const times = dice.pick([1, 2, 99])
        const play = seller(async (turn, payments) => {
          if (payments > times) return wellPlayed(turn, dice)
          if (loss === 'a reset') return turn.reset()
          if (loss === 'a 502') return say(turn.socket, 'HTTP/1.1 502 No\r\nContent-Length: 5\r\n\r\nfinal', dice)
          await new Promise(resolve => turn.socket.once('end', resolve).once('close', resolve))
          turn.socket.destroy()
        })()
        const asked = await ask(shape, 'shop', play, { way: way(n) })
        const { got, arrivals, errand } = asked
        const signed = signatures(arrivals).size
        sold(signed)
        const wrong = damaged(asked)
        if (signed !== 1) wrong.push(`${shape.name}: ${signed} signatures`)
        const good = isGood(errand.id)(got) === undefined
        const outcome = problemIn(got)?.['outcome']
        const plain = got.status === 502 && got.body.toString() === 'final'
        const told = outcome === 'unknown' || plain
        // A payment makes no method repeatable: the seller may have done its work.
        const once = shape.class === 'bare' || (shape.class === 'keyed' && loss === 'a 502')
        if (once) return told ? wrong : [...wrong, `${shape.name}: got ${got.status}`]
        if (times < ATTEMPTS && !good) wrong.push(`${shape.name}: paid, lost ${times} times, got ${got.status}`)
        if (times >= ATTEMPTS && !told) wrong.push(`${shape.name}: never, got ${got.status}`)
        return wrong
      }
      return (await Promise.all(SHAPES.map(one))).flat()
    },
  }))

const UNWILLING: Readonly<Record<string, (turn: Turn) => unknown>> = {
  'asks for the same again': ({ socket }) => socket.write(OFFER),
  'asks for more': ({ socket }) => socket.write(DEARER),
}

const unwilling = (sold: (signatures: number) => void): Trial[] => [
  ...Object.entries(UNWILLING).map(([name, answer]) => ({
    fault: 'F23',
    name: `a seller that is paid and ${name}`,
    run: async ({ ask, way }: Parameters<Trial['run']>[0]) => {
      const all = await Promise.all(SHAPES.map((shape, n) => ask(shape, 'shop', seller(answer)(), { way: way(n) })))
      return all.flatMap(asked => {
        const signed = signatures(asked.arrivals).size
        sold(signed)
        const told = asked.got.status === 402 && !asked.got.broken
        return [...damaged(asked), ...(signed === 1 && told ? [] : [`${signed} signatures, got ${asked.got.status}`])]
      })
    },
  })),
  {
    fault: 'F23',
    name: 'a seller that is paid and gives no receipt',
    run: async ({ dice, ask, way }) => {
      const play = seller(turn => wellPlayed(turn, dice))
      const all = await Promise.all(SHAPES.map((shape, n) => ask(shape, 'shop', play(), { way: way(n) })))
      return all.flatMap(asked => {
        const signed = signatures(asked.arrivals).size
        sold(signed)
        const good = isGood(asked.errand.id)(asked.got) === undefined
        return [...damaged(asked), ...(signed === 1 && good ? [] : [`${signed} signatures, got ${asked.got.status}`])]
      })
    },
  },
]
