import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { type Entry, totalsOf } from '../../../src/ledger/entry.js'
import { reconcile } from '../../../src/ledger/reconcile.js'
import { jsonRpc } from '../../../src/rpc/json-rpc.js'
import { systemClock } from '../../../src/time/clock.js'
import { seconds } from '../../../src/time/units.js'
import { type Answer, request } from '../client.js'
import { crowd } from '../crowd.js'
import { startLive } from '../live-daemon.js'
import { startFaultGateway } from './fault-gateway.js'
import { type OpenBook, openBook, payingHome } from './paid-scene.js'
import { openShop, PRICE, payer, type Shop } from './shop.js'

/**
 * How often a client asks for one purchase, at most: it asks again after everything but an answer and a 402. On a line
 * that loses one in five, one in a billion meets with nothing else.
 */
const TRIES = 12
const CLIENTS = 8
/** Milliseconds between two comparisons of ledger and chain. */
const LOOK_PAUSE = 100

export type FaultyRun = {
  readonly shop: Shop
  readonly book: OpenBook
  readonly entries: readonly Entry[]
  /** What each client got in the end: its tries, and the last answer. */
  readonly ends: readonly { readonly tries: number; readonly got: Answer }[]
  /** Instants at which ledger and chain did not fit: `settled ≤ chain ≤ settled + open` (P10). */
  readonly misfits: readonly string[]
}

type Settings = {
  readonly count: number
  readonly rate: number
  readonly paymentIdentifier?: 'optional'
  /** A line of the route: who asks again. */
  readonly retry?: string
}

/** Clients that buy one thing each through a daemon of its own process, which reaches the seller over a bad line. */
export async function faultyPurchases(t: Test, { count, rate, retry, ...options }: Settings): Promise<FaultyRun> {
  const shop = await openShop(t, { purse: BigInt(count * 4) * PRICE, ...options })
  const gateway = await startFaultGateway(shop.server.port, { rate, seed: 20 })
  t.teardown(() => gateway.close())
  const home = payingHome(t, gateway.port, { route: ['breaker: off', ...(retry === undefined ? [] : [retry])] })
  const daemon = await startLive(t, home, 'off')
  const book = await openBook(t, home.state)
  const misfits: string[] = []
  let isOver = false
  const watching = (async () => {
    for (; !isOver; await sleep(LOOK_PAUSE)) misfits.push(...(await misfit(shop, book)))
  })()
  const since = performance.now()
  const ends = await crowd(count, CLIENTS, n => buy(daemon.port, `${gateway.url}/paid?n=${n}`))
  isOver = true
  await watching
  const took = (performance.now() - since) / 1_000
  await daemon.stop()
  const entries = await book.entries()
  t.comment(`${count} purchases at ${rate * 100} % in ${took.toFixed(1)} s, ${gateway.seen.length} requests`)
  t.comment(`faults: ${JSON.stringify(gateway.dealt)}`)
  t.comment(`ends: ${JSON.stringify(countBy(ends, ({ got }) => String(got.status)))}, tries: ${mean(ends)}`)
  t.comment(`ledger: ${JSON.stringify(countBy(entries, ({ state }) => state))}`)
  return { shop, book, entries, ends, misfits }
}

async function buy(port: number, url: string) {
  for (let tries = 1; ; tries++) {
    const got = await request(port, url)
    const isDone = !got.broken && (got.status === 200 || got.status === 402)
    if (isDone || tries === TRIES) return { tries, got }
  }
}

const mean = (ends: FaultyRun['ends']) => (ends.reduce((sum, { tries }) => sum + tries, 0) / ends.length).toFixed(2)

export function countBy<T>(of: Iterable<T>, name: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of of) counts[name(one)] = (counts[name(one)] ?? 0) + 1
  return counts
}

const onChain = ({ chain }: Shop): bigint =>
  chain.authorizationsUsed(payer.address).reduce((sum, { value }) => sum + value, 0n)

const sums = (entries: readonly Entry[]) => {
  const totals = totalsOf(entries)
  const settled = totals.reduce((sum, total) => sum + total.settled, 0n)
  return { settled, most: totals.reduce((sum, total) => sum + total.open, settled) }
}

/** The two are read one after the other, while both go on: what is compared was true at one instant or before it. */
async function misfit(shop: Shop, book: OpenBook): Promise<string[]> {
  const before = onChain(shop)
  const { settled, most } = sums(await book.entries())
  const after = onChain(shop)
  if (settled <= after && before <= most) return []
  return [`settled ${settled}, chain ${before} to ${after}, at most ${most}`]
}

/** Asks the chain about what is open, once nothing that is out can be cashed any more. @returns what is settled then */
export async function settleAccounts(
  shop: Shop,
  book: OpenBook,
): Promise<{ readonly settled: bigint; readonly most: bigint }> {
  shop.chain.advance(300)
  shop.chain.mine(70)
  const rpc = jsonRpc({ url: shop.chain.rpcUrl, timeout: seconds(10), ca: undefined }, systemClock)
  await reconcile(book.store, systemClock, rpc)
  return sums(await book.entries())
}
