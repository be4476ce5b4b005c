import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Loopback, serveLoopback } from './loopback.js'

/** What the API does with one try at a request. */
export type Act =
  | 'answer'
  | 'reset' // before a byte of the answer; nothing was applied
  | 'apply-then-reset' // the order is made, its answer lost
  | 'refuse' // 503 without a hint
  | 'limit' // 429 with Retry-After: 1
  | 'hang' // no answer, ever
  | 'cut' // half a body, then a reset

/** @param id which request of the client @param attempt 1 for the first time that the API sees it */
export type Behaviour = (id: number, attempt: number) => Act

/** A misbehaving API on a port of its own, and what it knows afterwards. */
export type Api = Loopback & {
  /** The number of orders made for each request, by id. */
  readonly orders: ReadonlyMap<number, number>
  /** Requests that came back sooner than the `Retry-After` they had been given. */
  readonly tooEarly: () => number
}

/** What `GET /items/ID` answers: long enough to be cut in two. */
export const itemBody = (id: number): string => `item ${id} `.repeat(200)
export const REFUSAL = '{"error":"try again later"}\n'

const RETRY_AFTER = 1_000

export async function startApi(behaviour: Behaviour): Promise<Api> {
  const orders = new Map<number, number>()
  const attempts = new Map<number, number>()
  const notBefore = new Map<number, number>()
  let tooEarly = 0
  const server = await serveLoopback((request, response) => {
    const id = Number(/\d+$/.exec(request.url ?? '')?.[0])
    const attempt = (attempts.get(id) ?? 0) + 1
    attempts.set(id, attempt)
    if (performance.now() < (notBefore.get(id) ?? 0)) tooEarly++
    const act = behaviour(id, attempt)
    if (act === 'limit') notBefore.set(id, performance.now() + RETRY_AFTER)
    if (request.method === 'POST' && (act === 'answer' || act === 'apply-then-reset')) {
      orders.set(id, (orders.get(id) ?? 0) + 1)
    }
    request.resume().once('end', () => perform(act, id, request, response))
  })
  return { ...server, orders, tooEarly: () => tooEarly }
}

function perform(act: Act, id: number, request: IncomingMessage, response: ServerResponse): void {
  switch (act) {
    case 'answer':
      response.writeHead(request.method === 'POST' ? 201 : 200)
      response.end(request.method === 'POST' ? `order ${id}\n` : itemBody(id))
      return
    case 'reset':
    case 'apply-then-reset':
      request.socket.resetAndDestroy()
      return
    case 'refuse':
      response.writeHead(503).end(REFUSAL)
      return
    case 'limit':
      response.writeHead(429, { 'Retry-After': RETRY_AFTER / 1_000 }).end('slow down\n')
      return
    case 'hang':
      return
    case 'cut': {
      const body = itemBody(id)
      response.writeHead(200, { 'Content-Length': body.length })
      response.write(body.slice(0, body.length / 2), () => request.socket.destroy())
    }
  }
}
