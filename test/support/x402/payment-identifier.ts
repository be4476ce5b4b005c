import { createHash } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import { decodePaymentSignatureHeader } from '@x402/core/http'
import { extractPaymentIdentifier } from '@x402/extensions/payment-identifier'
import type { Handler, Response } from './express-app.js'

type Stored =
  | { readonly state: 'in-flight'; readonly print: string }
  | { readonly state: 'stored'; readonly print: string; readonly answer: Answer }
type Answer = { readonly status: number; readonly fields: OutgoingHttpHeaders; readonly body: Buffer }

/**
 * The server's half of the payment-identifier extension, which the official package leaves to the server: goes before
 * the payment middleware, because a stored answer is given before the payment is looked at.
 */
export function answerOncePerIdentifier(required: boolean): Handler {
  const known = new Map<string, Stored>()
  return (request, response, next) => {
    const payment = request.get('payment-signature')
    const id = payment === undefined ? undefined : identifierIn(payment)
    if (payment === undefined || id === undefined) return next()
    if (id === null) {
      if (!required) return next()
      response.status(400).json({ error: 'a payment identifier is required' })
      return
    }
    const print = createHash('sha256').update(`${request.method} ${request.originalUrl}\n${payment}`).digest('hex')
    const entry = known.get(id)
    if (entry === undefined) {
      known.set(id, { state: 'in-flight', print })
      return keepAnswer(response, answer => settleEntry(known, id, print, answer), next)
    }
    if (entry.print !== print)
      response.status(409).json({ error: 'this payment identifier was used for another payment' })
    else if (entry.state === 'in-flight') response.status(503).set('Retry-After', '1').json({ error: 'in flight' })
    else response.writeHead(entry.answer.status, entry.answer.fields).end(entry.answer.body)
  }
}

/** The id, `null` when the payment has none, undefined when it is unreadable. */
function identifierIn(payment: string): string | null | undefined {
  try {
    return extractPaymentIdentifier(decodePaymentSignatureHeader(payment))
  } catch {
    return undefined
  }
}

/** Only a payment that went through is spent; after any other answer the same bytes may come again. */
function settleEntry(known: Map<string, Stored>, id: string, print: string, answer: Answer): void {
  if (answer.status < 400 && answer.fields['payment-response'] !== undefined)
    known.set(id, { state: 'stored', print, answer })
  else known.delete(id)
}

/** Lets the answer pass, and tells what it was. */
function keepAnswer(response: Response, done: (answer: Answer) => void, next: () => void): void {
  const chunks: Buffer[] = []
  const keep = (chunk: unknown) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string))
  }
  const write = response.write.bind(response)
  const end = response.end.bind(response)
  response.write = ((chunk: unknown, ...rest: never[]) => {
    keep(chunk)
    return write(chunk, ...rest)
  }) as Response['write']
  response.end = ((chunk: unknown, ...rest: never[]) => {
    keep(chunk)
    done({ status: response.statusCode, fields: response.getHeaders(), body: Buffer.concat(chunks) })
    return end(chunk, ...rest)
  }) as Response['end']
  next()
}
