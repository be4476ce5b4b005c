import { z } from 'zod'
import type { Answers, ProblemAnswer } from './answers.js'
import { attempt, count, flag, list, millis, one, said, time, units } from './schema-words.js'

/**
 * What each operation answers, as its client reads it and the OpenAPI document says it. The daemon does not load this:
 * the compiler holds it to what the daemon answers. Objects are loose, because a newer daemon may say more.
 */

const route = one({
  name: said('Of the route.'),
  match: said('What it matches, such as `api.vendor.com/v1/**`.'),
  upstream: said('Where its requests go instead.').nullable(),
  mount: said('Its path on the listener of mounts.').nullable(),
  credential: said('The credential that it injects.').nullable(),
  wallet: said('The wallet that it pays from.').nullable(),
  requests: count('That are over.'),
  succeeded: count("The client got an upstream's answer below 400, or a replay of one."),
  rescued: count('Of those, the first attempt had not: without mulligan they would have failed.'),
  attempts: count('Requests that went to an upstream.'),
  waited_s: count('Seconds between attempts, and at cooldown gates.'),
})

const exchange = {
  id: said('As in the log.'),
  time: time('When it began.'),
  route: said('The route that it took.'),
  mode: said('How it came: forward, intercept, mount, tunnel, upgrade or refused.'),
  method: said('Of the request.'),
  url: said('Without the query, as it was sent to the upstream.'),
  query: flag('There was a query.'),
  class: z.enum(['safe', 'keyed', 'resumable', 'bare']).nullable().describe('What a repeat risked.'),
  status: count('What the client got; 0 for nothing.'),
  end: said("How it ended when not with an upstream's whole answer.").nullable(),
  duration_ms: millis('From the request to the end of its answer.'),
  queued_ms: millis('At the cooldown gate before the first attempt.'),
  overhead_ms: millis('What the proxy itself cost.'),
  bytes_in: count('Of the body of the request.'),
  bytes_out: count('Of the body of the answer.'),
  key: said('The first characters of its idempotency key.').nullable(),
  spend: said('What was paid for it, such as `0.01 USDC`.').nullable(),
  attempts: list(attempt, 'What went to the upstream, in order.'),
}

const load = one({
  draining: flag('It ends when what runs is done.'),
  overloaded: flag('Some of the requests are turned away.'),
  inflight: count('Exchanges that run.'),
  tunnels: count('Tunnels that are open.'),
  clients: count('Connections of clients.'),
  upstream_connections: count('Connections to upstreams.'),
  body_memory: count('Bytes of bodies that are kept to repeat a request.'),
})

const breaker = one({
  origin: said('Such as `https://api.vendor.com:443`.'),
  breaker: z.enum(['closed', 'open', 'probing', 'off']).describe('off: its routes have none.'),
  retry_in_s: count('Seconds until the next probe may pass.'),
  waiting: count('Requests that wait at cooldown gates.'),
  budget: count('Repeats that could be paid now.').nullable(),
})

const credential = one({
  name: said('Of the credential.'),
  source: said('Where its tokens come from.'),
  state: z.enum(['none', 'valid', 'renewing', 'cooling', 'needs_login']).describe('What goes on, the worst first.'),
  usable: flag('There is a token that goes with requests.'),
  generation: count('Tokens so far.'),
  token: said('The first 8 hex digits of its SHA-256, as in the log.').nullable(),
  expires_at: time('Its end, where its source says.').nullable(),
  age_s: count('Seconds since it came.').nullable(),
  retry_after_s: count('Seconds until the source may be asked again.'),
  error: said('Why there is no other.').nullable(),
})

const problems = list(said(), 'Why it is not ready, a sentence each.')

const status = one({
  version: said('Of mulligan.'),
  pid: count('Of the process that answers.'),
  uptime_s: count('Seconds since it started.'),
  workers: count('Processes that carry requests.'),
  draining: flag('It ends when what runs is done.'),
  ready: flag('As /readyz says.'),
  problems,
  proxy: list(said(), 'Where it listens.'),
  mounts: said('Where the mounts are: an address, or `same`.'),
  load,
  credentials: list(credential, 'Of all routes.'),
})

const names = {
  route: said('The route that paid.'),
  wallet: said('The wallet that it paid from.'),
  network: said('By its CAIP-2 name.'),
  symbol: said('Of the asset.'),
  decimals: count('Of the asset.'),
}

const payment = one({
  id: said('Sorts by time.'),
  time: time('Of the reservation.'),
  state: z
    .enum([
      ...(['reserved', 'signed', 'unknown', 'refused_live', 'settled', 'delivered_unconfirmed'] as const),
      ...(['settled_undelivered', 'settled_late', 'expired'] as const),
    ])
    .describe('What became of it.'),
  ...names,
  client: said('Who asked for it.').nullable(),
  resource: said('Origin and path.'),
  asset: said('Its contract.'),
  amount: units('What was paid.'),
  pay_to: said('Who was paid.'),
  payer: said('Who paid.').nullable(),
  nonce: said('Of the authorization.').nullable(),
  identifier: said('That the seller knows it by.').nullable(),
  valid_before: time('The authorization is worth nothing from then on.').nullable(),
  transaction: said('Its hash.').nullable(),
  status: count('Of the last answer.').nullable(),
  attempts: count('Presentations so far.'),
  proven: flag('The chain has been asked, and says so too.'),
})

const total = one({
  ...names,
  payments: count('So many.'),
  signed: units('Everything that was signed and is not proven dead: what the limits count.'),
  settled: units('Taken, by receipt or chain.'),
  open: units('May have been taken.'),
  undelivered: units('Of what was taken: paid, and the answer was lost.'),
})

const limit = one({
  wallet: said('The wallet that has it.'),
  window: z.enum(['hour', 'day', 'total']).describe('In UTC.'),
  symbol: said('Of the asset.'),
  decimals: count('Of the asset.'),
  limit: units('What may be spent in it.'),
  spent: units('What counts against it; what is reserved does.'),
})

const claim = one({
  ref: said('How people name it.'),
  state: z.enum(['in-flight', 'completed', 'no-body', 'uncertain']).describe('What is known of its outcome.'),
  route: said('The route that it came by.'),
  origin: said('Where it went.'),
  method: said('Of its request.'),
  key: said('The first 8 characters of a long key.').nullable(),
  status: count('Of its answer.').nullable(),
  claimed_at: time('When it came first.'),
  expires_at: time('The key is free then.'),
})

export const ANSWERS = {
  health: one({ status: z.literal('ok') }),
  readiness: one({ status: z.enum(['ready', 'not-ready', 'draining']), problems }),
  status,
  routes: one({ routes: list(route, 'In the order of matching.') }),
  config: one({ config: z.record(z.string(), z.unknown()).describe('In the words of the file.') }),
  exchanges: one({ exchanges: list(one(exchange), 'The newest first.') }),
  exchange: one({
    ...exchange,
    fields: list(z.tuple([said(), said()]), 'Of its request: name and value, most values masked.'),
  }),
  credentials: one({ credentials: list(credential, 'Of all routes.') }),
  breakers: one({ breakers: list(breaker, 'An origin comes once for each setting of its routes.') }),
  ledger: one({
    payments: list(payment, 'In the order of time.'),
    totals: list(total, 'By route, wallet and asset.'),
    limits: list(limit, 'By wallet, window and asset.'),
  }),
  idempotency: one({ claims: list(claim, 'The oldest first.') }),
  reload: one({
    reloaded: z.literal(true),
    needs_restart: list(said(), 'Keys that changed and count only from the next start on.'),
  }),
  drain: one({ draining: z.literal(true) }),
  refresh: one({ credential }),
  resetBreaker: one({ origin: said('As asked.'), reset: z.literal(true) }),
  resolve: one({ ref: said('As asked.'), resolved: z.enum(['executed', 'not-executed']) }),
} satisfies { readonly [I in keyof Answers]: z.ZodType<Answers[I]> }

/** The events of the stream, by their names. */
export const EVENTS = { exchange: one(exchange), missed: one({ count: count('So many were not told.') }), load }

/** What operations with a body take. */
export const BODIES = { resolve: z.strictObject({ outcome: z.enum(['executed', 'not-executed']) }) }

export const PROBLEM = one({
  type: said('A URN that ends in the code.'),
  title: said('Of the code.'),
  status: count('Of the answer.'),
  detail: said('What is wrong, and what to do about it.'),
  code: said('A stable word.'),
}) satisfies z.ZodType<ProblemAnswer>
