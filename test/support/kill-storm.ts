import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { crowd, median, until } from './crowd.js'
import { KeyedClient } from './keyed-client.js'
import type { MortalDaemon } from './mortal-daemon.js'
import { type OrderBook, orderText } from './order-book.js'

export type Force = {
  readonly kills: number
  /** Milliseconds that daemons live between kills. */
  readonly period: number
  /** New orders a second. */
  readonly rate: number
}

export type Storm = {
  readonly client: KeyedClient
  /** The key of every order, and how it ended for who placed it. */
  readonly ends: ReadonlyMap<string, 'done' | 'blocked'>
  /** Those that ended so. */
  readonly blocked: readonly string[]
  /** Requests that were open at a daemon when it was killed. */
  readonly inFlight: number
}

/** A route to the book, which is one hop away. */
export const bookRoutes = ({ port }: OrderBook, upstream: 'none' | 'replay'): string => `
routes:
  - name: orders
    match: { host: 127.0.0.1, port: ${port} }
    idempotency:
      upstream: ${upstream}
      replay: { rate: { per_second: 100000, burst: 100000 } }
`

/** Who place the orders: as many can be open at once. */
const CLIENTS = 64

/** The long form: KILLS=30 PERIOD=2000 RATE=500. */
export const FORCE: Force = {
  kills: Number(process.env['KILLS'] ?? 3),
  period: Number(process.env['PERIOD'] ?? 500),
  rate: Number(process.env['RATE'] ?? 200),
}

/** What a storm may take on a busy machine, where a daemon takes ten seconds to begin; in milliseconds. */
export const STORM_LIMIT = 60_000 + FORCE.kills * (FORCE.period + 10_000) * 3

/** Orders that the upstream is at when a daemon is killed, as long as there are any: some are those of that daemon. */
const MET = 4

/** The first 8 characters are all that a list shows. */
const keyOf = (n: number): string => `k${String(n).padStart(7, '0')}-order-of-a-test`

/**
 * Orders at a steady rate while the daemons are killed in turn, `kill -9`, and start again; a client that was cut off
 * sends its order again with the same key. Fails when one is answered with the order of another.
 */
export async function storm(
  t: Test,
  book: OrderBook,
  daemons: readonly MortalDaemon[],
  { kills, period, rate }: Force = FORCE,
): Promise<Storm> {
  const ports = () => daemons.map(daemon => daemon.live()?.port).filter(port => port !== undefined)
  const client = new KeyedClient(ports, book.url)
  t.teardown(() => client.close())
  const ends = new Map<string, 'done' | 'blocked'>()
  const wrong: string[] = []
  const count = Math.round((kills * (period + 400) * rate) / 1_000)
  const since = performance.now()
  const orders = crowd(count, CLIENTS, async n => {
    await sleep(Math.max(0, since + (n * 1_000) / rate - performance.now()))
    const key = keyOf(n)
    const { kind, text } = await client.order(key, n)
    ends.set(key, kind)
    if (kind === 'done' && text !== orderText(key)) wrong.push(`${key}: ${text}`)
  })
  const recoveries: number[] = []
  let inFlight = 0
  for (let kill = 0; kill < kills; kill++) {
    await sleep(period)
    const daemon = daemons[kill % daemons.length]
    if (daemon === undefined) break
    await until(() => book.working() >= Math.min(MET, count - ends.size), 60_000)
    inFlight += client.waiting(daemon.live()?.port ?? 0)
    recoveries.push(await daemon.die())
  }
  await orders
  const seconds = (performance.now() - since) / 1_000
  t.same(wrong, [], 'everybody gets the answer to their own order')
  t.comment(`${ends.size} orders in ${seconds.toFixed(1)} s, ${kills} kills with ${inFlight} requests open`)
  t.comment(`ready after ${median(recoveries).toFixed(0)} ms, at most ${Math.max(...recoveries).toFixed(0)} ms`)
  t.comment(`setbacks: ${JSON.stringify(Object.fromEntries(client.setbacks))}`)
  const blocked = [...ends].filter(([, end]) => end === 'blocked').map(([key]) => key)
  return { client, ends, blocked, inFlight }
}

/** Nothing was lost and nothing was doubled, for an upstream that knows its keys. */
export function provesNothingLost(t: Test, book: OrderBook, { ends, blocked, inFlight }: Storm): void {
  t.ok(inFlight > 0, 'the kills met requests')
  t.same(blocked, [], 'every client was answered with success')
  t.equal(book.orders(), ends.size, 'one order per key')
  t.comment(`${book.requests() - ends.size} of ${book.requests()} requests to the upstream were repeats`)
}

/** Nothing was doubled, and nothing was said to be done that was not, for an upstream that takes every request as new. */
export function provesNothingDoubled(t: Test, book: OrderBook, { ends, blocked, inFlight }: Storm): void {
  t.same(book.duplicates(), [], 'no key was sent twice')
  const lost = [...ends].filter(([key, end]) => end === 'done' && book.made(key) !== 1)
  t.same(lost, [], 'an order that was confirmed was made')
  t.ok(blocked.length > 0 && blocked.length <= inFlight, `${blocked.length} of ${inFlight} that were open are blocked`)
}
