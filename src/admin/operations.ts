import { REMEMBERED } from '../serving/exchange-history.js'

/** A parameter of a query. What is not given is `default`, or nothing. */
export type Parameter = { readonly about: string } & (
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number; readonly default: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'text'; readonly example: string }
)

/** One thing that the admin side can be asked. */
export type Operation = {
  /** A GET tells something. A POST changes something, and needs the token. */
  readonly method: 'GET' | 'POST'
  /** As Fastify writes it. */
  readonly path: string
  readonly summary: string
  /** Parts of the path, and what each means. */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, Parameter>>
  /** It takes a JSON body. */
  readonly body?: true
  /** Media type of its answer when that is not JSON. */
  readonly media?: string
  /** Status of its answer when that is not 200. */
  readonly success?: number
  /** Statuses of its refusals, besides those that all have in common. */
  readonly problems?: readonly number[]
}

const route = { type: 'text', example: 'vendor', about: 'Of this route alone.' } as const

/** Everything there is: the server, the OpenAPI document, the documentation and the client are made of, or held to, this. */
export const OPERATIONS = {
  page: { method: 'GET', path: '/', summary: 'The live page.', media: 'text/html' },
  pageFile: {
    method: 'GET',
    path: '/page/:file',
    summary: 'What the live page loads.',
    params: { file: 'Name of a file of the page.' },
    media: '*/*',
    problems: [404],
  },
  health: { method: 'GET', path: '/healthz', summary: 'It runs. Costs nothing, and asks nobody.' },
  readiness: {
    method: 'GET',
    path: '/readyz',
    summary:
      'It takes requests and can do its work: it does not drain, no credential waits for a login, its stores answer, all its workers serve.',
  },
  metrics: { method: 'GET', path: '/metrics', summary: 'Metrics for Prometheus.', media: 'text/plain' },
  openapi: { method: 'GET', path: '/openapi.json', summary: 'This document.' },
  ca: {
    method: 'GET',
    path: '/ca.pem',
    summary: 'The certificate that clients of intercepted hosts must trust.',
    media: 'application/x-pem-file',
    problems: [404],
  },
  status: { method: 'GET', path: '/v1/status', summary: 'What runs here, and how it is.' },
  routes: {
    method: 'GET',
    path: '/v1/routes',
    summary: 'The routes in the order of matching, with what came of their requests.',
  },
  config: { method: 'GET', path: '/v1/config', summary: 'The configuration in force, without secrets.' },
  exchanges: {
    method: 'GET',
    path: '/v1/exchanges',
    summary: 'The latest exchanges, the newest first; 1,000 are remembered.',
    query: {
      limit: { type: 'integer', minimum: 1, maximum: REMEMBERED, default: 100, about: 'At most so many.' },
      route,
      notable: { type: 'boolean', about: 'Only those that failed, were repeated or waited.' },
    },
  },
  exchange: {
    method: 'GET',
    path: '/v1/exchanges/:id',
    summary: 'One exchange with the fields of its request, the values of all but well-known harmless ones masked.',
    params: { id: 'Its id, as in the log.' },
    problems: [404],
  },
  events: {
    method: 'GET',
    path: '/v1/events',
    summary:
      'Exchanges as they end (`exchange`), what could not be told (`missed`) and the load (`load`), as server-sent events. `Last-Event-ID` goes on behind that exchange.',
    media: 'text/event-stream',
    problems: [503],
  },
  credentials: { method: 'GET', path: '/v1/credentials', summary: 'The credentials, and how their tokens are.' },
  breakers: {
    method: 'GET',
    path: '/v1/breakers',
    summary: 'Breaker, cooldown gates and retry budget of every origin that is remembered.',
  },
  ledger: {
    method: 'GET',
    path: '/v1/ledger',
    summary: 'What was paid, in order, what that comes to, and what the limits of the wallets leave.',
    query: {
      since: { type: 'text', example: '24h', about: 'Reserved then or later: a span such as `24h`, or a date.' },
      wallet: { type: 'text', example: 'agent', about: 'By this wallet alone.' },
      route,
    },
    problems: [503],
  },
  idempotency: {
    method: 'GET',
    path: '/v1/idempotency',
    summary: 'The idempotency keys that are remembered, the oldest first.',
    query: { uncertain: { type: 'boolean', about: 'Only those whose outcome nobody knows.' } },
    problems: [503],
  },
  reload: {
    method: 'POST',
    path: '/v1/reload',
    summary: 'Reads the configuration anew. All of it is in force then, or none.',
    problems: [422],
  },
  drain: {
    method: 'POST',
    path: '/v1/drain',
    summary: 'Stops accepting, and ends the daemon when all that runs is done.',
    success: 202,
  },
  refresh: {
    method: 'POST',
    path: '/v1/credentials/:name/refresh',
    summary: 'Asks the source of a credential for another token, as soon as its pace allows.',
    params: { name: 'Of the credential.' },
    problems: [404, 502],
  },
  resetBreaker: {
    method: 'POST',
    path: '/v1/breakers/:origin/reset',
    summary: 'Closes the breakers of an origin.',
    params: { origin: 'Such as `https://api.example.com:443`, percent-encoded.' },
    problems: [404],
  },
  resolve: {
    method: 'POST',
    path: '/v1/idempotency/:ref/resolve',
    summary: 'Says what became of a request whose outcome nobody knew.',
    params: { ref: 'Of the key, as listed.' },
    body: true,
    problems: [404, 409, 503],
  },
} as const satisfies Readonly<Record<string, Operation>>

export type OperationId = keyof typeof OPERATIONS

/** What the query of an operation says, checked. */
export type QueryOf<I extends OperationId> = (typeof OPERATIONS)[I] extends { readonly query: infer Q }
  ? { readonly [K in keyof Q]: ValueOf<Q[K]> }
  : Readonly<Record<never, never>>

type ValueOf<P> = P extends { readonly type: 'integer' }
  ? number
  : (P extends { readonly type: 'boolean' } ? boolean : string) | undefined
