import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TlsOptions } from 'node:tls'
import { decodePaymentSignatureHeader, encodePaymentResponseHeader } from '@x402/core/http'
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { paymentMiddlewareFromHTTPServer, x402HTTPResourceServer, x402ResourceServer } from '@x402/express'
import { declarePaymentIdentifierExtension, PAYMENT_IDENTIFIER } from '@x402/extensions/payment-identifier'
import type { Address } from 'viem'
import { type Chain, testAccount } from './chain.js'
import { expressApp, type Handler, type Request, type Response } from './express-app.js'
import { type Facilitator, V1_NETWORK } from './facilitator.js'
import { answerOncePerIdentifier } from './payment-identifier.js'

export type PaidServerOptions = {
  readonly chain: Chain
  readonly facilitator: Facilitator
  /** The dialect of the offer. Default 2. */
  readonly version?: 1 | 2
  /** Price by path, in atomic units of the chain's token; any other path is free. Default: `/paid` for 10000. */
  readonly prices?: Readonly<Record<string, string>>
  readonly payTo?: Address
  /** How long a payment may take, as the offer says it. Default 60. */
  readonly maxTimeoutSeconds?: number
  /** v2: advertises the payment-identifier extension and keeps its promise. */
  readonly paymentIdentifier?: 'optional' | 'required'
  /** What a paid page answers. Default: JSON with path, body length and the number of the run. */
  readonly page?: (request: Request, response: Response, run: PageRun) => unknown
  readonly tls?: TlsOptions
}

type PageRun = { readonly number: number; readonly body: Buffer }

export type PaidServer = {
  readonly port: number
  readonly url: string
  readonly payTo: Address
  /** The targets (path and query) the page was run for, in order: the side effects a seller would have had. */
  readonly runs: readonly string[]
  /** Requests that came in at all. */
  readonly requests: () => number
  readonly close: () => Promise<void>
}

/** A seller on loopback: the official Express middleware for v2, the official facilitator scheme for v1. */
export async function startPaidServer(options: PaidServerOptions): Promise<PaidServer> {
  const runs: string[] = []
  let requests = 0
  const payTo = options.payTo ?? testAccount('seller').address
  const app = expressApp().use((_request, _response, next) => {
    requests++
    next()
  })
  app.use(...(options.version === 1 ? [demandV1(options, payTo)] : demandV2(options, payTo)))
  app.use(servePage(options.page ?? describeRun, runs))
  // Node's default of 16 KiB is less than a payment with extensions may need.
  const settings = { maxHeaderSize: 65_536 }
  const server = options.tls ? createTlsServer({ ...options.tls, ...settings }, app) : createServer(settings, app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    payTo,
    runs,
    requests: () => requests,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function servePage(page: NonNullable<PaidServerOptions['page']>, runs: string[]): Handler {
  return async (request, response) => {
    runs.push(request.originalUrl)
    const number = runs.length
    const body = await buffer(request)
    await page(request, response, { number, body })
  }
}

const describeRun: NonNullable<PaidServerOptions['page']> = ({ originalUrl }, response, { number, body }) =>
  response.json({ target: originalUrl, run: number, bytes: body.length })

const DEFAULT_PRICES = { '/paid': '10000' }
const DEFAULT_TIMEOUT_SECONDS = 60

function demandV2(options: PaidServerOptions, payTo: Address): Handler[] {
  const { chain, facilitator, paymentIdentifier, prices = DEFAULT_PRICES } = options
  const { address: asset, name, version } = chain.token
  const resourceServer = new x402ResourceServer(facilitator).register(chain.network, new ExactEvmScheme())
  const routes = Object.entries(prices).map(([path, amount]) => [
    path,
    {
      accepts: {
        scheme: 'exact',
        network: chain.network,
        payTo,
        price: { asset, amount, extra: { name, version } },
        maxTimeoutSeconds: options.maxTimeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
      },
      description: `A page for ${amount}`,
      mimeType: 'application/json',
      ...(paymentIdentifier && {
        extensions: { [PAYMENT_IDENTIFIER]: declarePaymentIdentifierExtension(paymentIdentifier === 'required') },
      }),
    },
  ])
  const demand = paymentMiddlewareFromHTTPServer(new x402HTTPResourceServer(resourceServer, Object.fromEntries(routes)))
  return paymentIdentifier === undefined
    ? [demand as Handler]
    : [answerOncePerIdentifier(paymentIdentifier === 'required'), demand as Handler]
}

/** No official v1 middleware can be installed any more; this one does what it did: verify, run the page, settle. */
function demandV1(options: PaidServerOptions, payTo: Address): Handler {
  const { facilitator, prices = DEFAULT_PRICES } = options
  return async (request, response, next) => {
    const price = (prices as Record<string, string>)[request.path]
    if (price === undefined) return next()
    const requirement = requirementV1(options, payTo, price, request)
    const refuse = (error: string) => response.status(402).json({ x402Version: 1, error, accepts: [requirement] })
    const field = request.get('x-payment')
    if (field === undefined) return refuse('X-PAYMENT header is required')
    const payload = decodeV1(field)
    if (payload === undefined) return refuse('invalid_payload')
    const terms = requirement as unknown as PaymentRequirements
    const verdict = await facilitator.verify(payload, terms)
    if (!verdict.isValid) return refuse(verdict.invalidReason ?? 'invalid')
    holdEnd(response, async () => {
      const receipt = await facilitator.settle(payload, terms)
      response.setHeader('X-PAYMENT-RESPONSE', encodePaymentResponseHeader(receipt))
      return receipt.success ? undefined : { status: 402, body: { error: receipt.errorReason, accepts: [requirement] } }
    })
    next()
  }
}

function requirementV1(
  { chain, maxTimeoutSeconds }: PaidServerOptions,
  payTo: Address,
  price: string,
  request: Request,
) {
  const { address: asset, name, version } = chain.token
  return {
    scheme: 'exact',
    network: V1_NETWORK,
    maxAmountRequired: price,
    resource: `http://${request.get('host')}${request.originalUrl}`,
    description: `A page for ${price}`,
    mimeType: 'application/json',
    outputSchema: null,
    payTo,
    maxTimeoutSeconds: maxTimeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    asset,
    extra: { name, version },
  }
}

function decodeV1(field: string): PaymentPayload | undefined {
  try {
    return decodePaymentSignatureHeader(field)
  } catch {
    return undefined
  }
}

type Instead = { readonly status: number; readonly body: object }

/** Lets `settle` have the last word on a good answer before any of it leaves. */
function holdEnd(response: Response, settle: () => Promise<Instead | undefined>): void {
  const end = response.end.bind(response)
  response.end = ((...page: never[]) => {
    response.end = end
    if (response.statusCode >= 400) return end(...page)
    void settle().then(
      instead => (instead === undefined ? end(...page) : response.status(instead.status).json(instead.body)),
      (cause: Error) => response.status(502).json({ error: cause.message }),
    )
    return response
  }) as Response['end']
}
