import type { Sandbox } from '../child/sandbox.js'
import type { Client, Reply } from './client.js'
import { LIMIT, type Market, PRICE } from './market.js'
import { sometimes, troubled } from './scenarios.js'
import { pageBody, type SellerAct, startSeller, UNPAID } from './seller.js'

/** Pages behind a 402, bought all at once. */
export type Shopping = {
  readonly name: string
  readonly count: number
  /** What the limit of the wallet leaves money for. */
  readonly affordable: number
  readonly behaviour: () => (id: number, attempt: number) => SellerAct
  readonly did: string
}

/** What came of one shopping without mulligan, and through it. */
export type Purchases = {
  readonly name: string
  readonly asked: number
  /** Pages that were had. */
  readonly without: number
  readonly through: number
  /** Payments on the ledger, and what they took from the wallet in atomic units, in decimal. */
  readonly payments: number
  readonly spent: string
  readonly did: string
  readonly kept: boolean
}

const COUNT = 4
const LAST = Number(LIMIT / PRICE) - 2 * COUNT

/** What is bought. In this order: together the first two leave too little for the third. */
export function shoppings(seed: number): readonly Shopping[] {
  return [
    {
      name: `${COUNT} pages behind a 402, an answer lost`,
      count: COUNT,
      affordable: COUNT,
      behaviour: sometimes('apply-then-reset', troubled(COUNT, 1, seed)),
      did: 'paid once each, for the lost one too',
    },
    {
      name: `${COUNT} pages behind a 402, some then 503`,
      count: COUNT,
      affordable: COUNT,
      behaviour: sometimes('refuse', troubled(COUNT, 2, seed + 1)),
      did: 'paid once each: the same bytes again',
    },
    {
      name: `${COUNT} pages behind a 402, money for ${LAST}`,
      count: COUNT,
      affordable: LAST,
      behaviour: () => () => 'answer',
      did: 'paid up to the limit, then passed on the 402',
    },
  ]
}

/** @param proxy where mulligan is @param say told what is being done */
export async function runPurchases(
  sandbox: Sandbox,
  client: Client,
  market: Market,
  { proxy, seed }: { readonly proxy: string; readonly seed: number },
  say: (text: string) => void,
): Promise<readonly Purchases[]> {
  const purchases: Purchases[] = []
  for (const shopping of shoppings(seed)) {
    say(shopping.name)
    const [without, through] = await Promise.all([
      shop(sandbox, client, shopping, market, undefined),
      shop(sandbox, client, shopping, market, proxy),
    ])
    purchases.push(judge(shopping, without, through))
  }
  return purchases
}

/** What a client got, and what it cost. */
export type Shopped = {
  readonly replies: readonly Reply[]
  /** On the ledger; what they took from the wallet, and gave to the seller, in atomic units. */
  readonly payments: number
  readonly spent: bigint
  readonly earned: bigint
}

async function shop(
  sandbox: Sandbox,
  client: Client,
  { count, behaviour }: Shopping,
  { ledger, payer, newAddress }: Market,
  proxy: string | undefined,
): Promise<Shopped> {
  const payTo = newAddress()
  const purse = ledger.balanceOf(payer)
  const seller = await startSeller({ ledger, payTo, price: PRICE, behaviour: behaviour() })
  const ask = (id: number) =>
    client.call(sandbox, { method: 'GET', url: `${seller.url}/pages/${id}`, patience: 10 }, proxy)
  try {
    const replies = await Promise.all(Array.from({ length: count }, (_, i) => ask(i + 1)))
    return {
      replies,
      payments: ledger.transfers.filter(({ to }) => to === payTo.toLowerCase()).length,
      spent: purse - ledger.balanceOf(payer),
      earned: ledger.balanceOf(payTo),
    }
  } finally {
    seller.close()
  }
}

const isPage = ({ status, body, whole }: Reply, index: number): boolean =>
  whole && status === 200 && body === pageBody(index + 1)

const isUnpaid = ({ status, body, whole }: Reply): boolean => whole && status === 402 && body === UNPAID

/** Kept: as many pages as there was money for, each paid once, and the seller's own 402 for the others. */
export function judge({ name, count, affordable, did }: Shopping, without: Shopped, through: Shopped): Purchases {
  const { replies, payments, spent, earned } = through
  const pages = replies.filter(isPage).length
  const isExact = payments === affordable && spent === BigInt(affordable) * PRICE && earned === spent
  const kept = pages === affordable && isExact && replies.filter(isUnpaid).length === count - affordable
  const had = without.replies.filter(isPage).length
  return { name, asked: count, without: had, through: pages, payments, spent: String(spent), did, kept }
}
