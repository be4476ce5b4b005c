import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { isObject, parseJson, valueAt } from '../json/read.js'
import { decodeBase64, encodeBase64 } from '../x402/base64.js'
import type { Act } from './api.js'
import { type Loopback, serveLoopback } from './loopback.js'
import { readSignedTransfer, type SignedTransfer, type TokenLedger } from './token-ledger.js'

/** What the seller does with one presentation of a good payment; `apply-then-reset` takes it, and loses the answer. */
export type SellerAct = Extract<Act, 'answer' | 'apply-then-reset' | 'refuse'>

export type SellerOptions = {
  readonly ledger: TokenLedger
  readonly payTo: string
  /** Of one page, in atomic units. */
  readonly price: bigint
  /** @param attempt 1 for the first good payment for this page */
  readonly behaviour: (id: number, attempt: number) => SellerAct
}

/** What a page is, and what stands in its place until it is paid. */
export const pageBody = (id: number): string => `page ${id}\n`
export const UNPAID = '{"error":"pay first"}\n'

type Answer = { readonly status: number; readonly fields: Readonly<Record<string, string>>; readonly body: string }

type Payment = {
  readonly accepted: unknown
  readonly transfer: SignedTransfer
  /** Of the payment-identifier extension. */
  readonly identifier: unknown
}

/** An API whose pages cost money, by x402 version 2. */
export function startSeller(options: SellerOptions): Promise<Loopback> {
  const till = new Till(options)
  return serveLoopback((request, response) => {
    request.resume().once('end', () => serve(till, request, response))
  })
}

function serve(till: Till, request: IncomingMessage, response: ServerResponse): void {
  const payment = request.headers['payment-signature']
  const url = `http://${request.headers.host}${request.url}`
  const answer = till.answer(url, typeof payment === 'string' ? payment : undefined)
  if (answer === undefined) request.socket.resetAndDestroy()
  else response.writeHead(answer.status, { ...answer.fields }).end(answer.body)
}

/** Takes payments in the order of the official middleware: terms, payment, page, settlement. */
class Till {
  readonly #options: SellerOptions
  readonly #attempts = new Map<number, number>()
  /** By identifier: what was bought, and with which bytes. */
  readonly #sold = new Map<unknown, { readonly field: string; readonly answer: Answer }>()

  constructor(options: SellerOptions) {
    this.#options = options
  }

  /** `undefined` when the answer gets lost. */
  answer(url: string, field: string | undefined): Answer | undefined {
    const payment = field === undefined ? undefined : readPayment(field)
    if (field === undefined || payment === undefined) return this.#demand(url, 'Payment required')
    const { accepted, transfer, identifier } = payment
    const sold = identifier === undefined ? undefined : this.#sold.get(identifier)
    if (sold !== undefined) return sold.field === field ? sold.answer : CONFLICT
    if (!isDeepStrictEqual(accepted, this.#requirement())) {
      return this.#demand(url, 'No matching payment requirements')
    }
    const { ledger, payTo, price } = this.#options
    const refusal = ledger.refusal(transfer, { payTo, amount: price }, unixTime())
    return refusal === undefined ? this.#sell(url, field, payment) : this.#demand(url, refusal)
  }

  #sell(url: string, field: string, { transfer, identifier }: Payment): Answer | undefined {
    const { ledger, behaviour } = this.#options
    const id = Number(/\d+$/.exec(url)?.[0])
    const attempt = (this.#attempts.get(id) ?? 0) + 1
    this.#attempts.set(id, attempt)
    const act = behaviour(id, attempt)
    if (act === 'refuse') return { status: 503, fields: {}, body: UNPAID }
    const transaction = ledger.settle(transfer, unixTime())
    const receipt = { success: true, transaction, network: ledger.token.chain, payer: transfer.authorization.from }
    const fields = { 'PAYMENT-RESPONSE': encodeBase64(JSON.stringify(receipt)) }
    const answer = { status: 200, fields, body: pageBody(id) }
    if (identifier !== undefined) this.#sold.set(identifier, { field, answer })
    return act === 'answer' ? answer : undefined
  }

  #demand(url: string, error: string): Answer {
    const terms = {
      x402Version: 2,
      error,
      resource: { url, description: 'A page', mimeType: 'text/plain' },
      accepts: [this.#requirement()],
      extensions: { 'payment-identifier': { info: { required: false }, schema: IDENTIFIER_SCHEMA } },
    }
    const fields = { 'PAYMENT-REQUIRED': encodeBase64(JSON.stringify(terms)), 'Cache-Control': 'no-store' }
    return { status: 402, fields, body: UNPAID }
  }

  #requirement(): object {
    const { ledger, payTo, price } = this.#options
    const { chain, address, name, version } = ledger.token
    return {
      scheme: 'exact',
      network: chain,
      amount: String(price),
      asset: address,
      payTo,
      maxTimeoutSeconds: 60,
      extra: { name, version },
    }
  }
}

const unixTime = (): number => Math.floor(Date.now() / 1_000)

const IDENTIFIER_SCHEMA = {
  type: 'object',
  properties: { required: { type: 'boolean' }, id: { type: 'string', minLength: 16, maxLength: 128 } },
}

const CONFLICT: Answer = { status: 409, fields: {}, body: '{"error":"this identifier names another payment"}\n' }

function readPayment(field: string): Payment | undefined {
  const text = decodeBase64(field)
  const said = text === undefined ? undefined : parseJson(text)
  const transfer = isObject(said) ? readSignedTransfer(said['payload']) : undefined
  if (!isObject(said) || transfer === undefined) return undefined
  const identifier = valueAt(said, ['extensions', 'payment-identifier', 'info', 'id'])
  return { accepted: said['accepted'], transfer, identifier }
}
