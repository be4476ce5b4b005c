import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import { received } from '../upload.js'
import { answer, type Seen } from '../upstream.js'
import { type Answer as OfferAnswer, terms } from './offers.js'

/** What a 402 of version 2 asks, for whatever resource of its own host. */
const OFFER = terms({ resource: { url: '/paid', mimeType: 'application/json' } })

/** A 402 as raw bytes: order, case and repeats of its fields are its own, to be seen again at the client. */
export const REFUSAL = answer(
  402,
  '{}',
  'content-TYPE: application/json',
  `PAYMENT-REQUIRED: ${Buffer.from(JSON.stringify(OFFER)).toString('base64')}`,
  'X-Twice: 1',
  'Cache-Control: no-store',
  'X-Twice: 2',
)

/** A 402 of these fields and this body, as raw bytes. */
export function refusalOf({ fields, body }: OfferAnswer): string {
  const lines = fields.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${fields[i + 1]}`] : []))
  return answer(402, body.toString(), ...lines)
}

export const isPaid = ({ header }: Pick<Seen, 'header'>): boolean =>
  (header('payment-signature') ?? header('x-payment')) !== undefined

/** The answer's own field lines: without what belongs to one connection, and without our signature. */
export const ownLines = (head: string): string[] =>
  head.split('\r\n').filter(line => !/^(?:via|proxy-status|connection|keep-alive|transfer-encoding):/i.test(line))

export type UnreadSeller = {
  readonly port: number
  readonly paid: () => number
}

/**
 * A seller that answers 402 on the socket without reading any of the body, and a paid request with the digest of its body.
 * Nothing is ever cashed.
 */
export async function startUnreadSeller(
  t: Test,
  refuse: (socket: Socket) => void,
  tls?: TlsOptions,
): Promise<UnreadSeller> {
  let paid = 0
  const handle = (request: IncomingMessage, reply: ServerResponse) => {
    if (request.headers['payment-signature'] === undefined) return refuse(request.socket)
    paid++
    void received(request).then(({ digest }) => reply.end(digest))
  }
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  server.on('clientError', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, paid: () => paid }
}
