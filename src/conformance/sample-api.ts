import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { parseJson, valueAt } from '../json/read.js'
import type { Clock } from '../time/clock.js'
import { millis } from '../time/units.js'

/** An API that asks for keys and never looks at one: whatever is deduplicated before it, something else has done. */
export type SampleApi = { readonly url: string; readonly close: () => Promise<void> }

/** Long enough for duplicates to meet. */
const TAKES = millis(20)

/** @param clients the values of `Authorization` that it knows */
export async function startSampleApi(clients: readonly string[], clock: Clock): Promise<SampleApi> {
  const orders = new Set<string>()
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request)
    const { method, url = '', headers } = request
    if (!clients.includes(headers.authorization ?? ''))
      return answer(response, 401, { error: { code: 'unauthorized' } })
    if (method === 'GET') return answer(response, 200, { total: orders.size })
    if (method === 'DELETE') return answer(response, orders.delete(url.split('/').at(-1) ?? '') ? 200 : 404, {})
    if (headers['idempotency-key'] === undefined) return answer(response, 400, { error: { code: 'key_missing' } })
    const amount = valueAt(parseJson(body), ['amount'])
    if (typeof amount !== 'number' || amount < 0) return answer(response, 400, { error: { code: 'amount_invalid' } })
    await new Promise<void>(resolve => clock.schedule(TAKES, resolve))
    if (headers['x-fail'] !== undefined) return answer(response, 503, { error: { code: 'unavailable' } })
    const id = randomUUID()
    orders.add(id)
    answer(response, 201, { id, amount })
  }
  const server = createServer((request, response) => {
    // A client that is gone gets no answer.
    serve(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}
