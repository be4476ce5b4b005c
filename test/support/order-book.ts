import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { answer, startUpstream } from './upstream.js'

/** An upstream that makes an order out of every POST. */
export type OrderBook = {
  readonly url: string
  readonly port: number
  /** How many orders were made under a key. */
  readonly made: (key: string) => number
  /** Resolves when a request with this key has come. */
  readonly asked: (key: string) => Promise<void>
  /** Keys under which more than one was made. */
  readonly duplicates: () => readonly string[]
  /** Requests that it is at now, for somebody who waits. */
  readonly working: () => number
  /** Orders, and requests. */
  readonly orders: () => number
  readonly requests: () => number
}

/** What it answers under a key. */
export const orderText = (key: string): string => JSON.stringify({ order: key })

/**
 * The order is made in the middle of the time that a request takes, unless nobody waits for it any more: what is cut off
 * may or may not have acted.
 * @param dedups a key that it knows gets its order again
 */
export async function startOrderBook(
  t: Test,
  { dedups, takes }: { dedups: boolean; takes: number },
): Promise<OrderBook> {
  const made = new Map<string, number>()
  const here = new Set<string>()
  const wake: (() => void)[] = []
  const open = new Set<Socket>()
  const upstream = await startUpstream(async (seen, socket) => {
    const key = seen.header('idempotency-key') ?? ''
    here.add(key)
    open.add(socket)
    for (const resume of wake.splice(0)) resume()
    await sleep(takes / 2)
    if (socket.destroyed) return undefined
    const before = made.get(key) ?? 0
    if (!dedups || before === 0) made.set(key, before + 1)
    await sleep(takes / 2)
    open.delete(socket)
    return answer(201, orderText(key), 'Content-Type: application/json')
  })
  t.teardown(() => upstream.close())
  const counts = () => [...made.values()]
  return {
    url: upstream.url,
    port: upstream.port,
    made: key => made.get(key) ?? 0,
    asked: async key => {
      while (!here.has(key)) await new Promise<void>(resolve => wake.push(resolve))
    },
    duplicates: () => [...made].filter(([, count]) => count > 1).map(([key]) => key),
    working: () => [...open].filter(socket => !socket.destroyed).length,
    orders: () => counts().reduce((sum, count) => sum + count, 0),
    requests: () => upstream.seen.length,
  }
}
