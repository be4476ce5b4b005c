import { effectiveJson } from '../config/shown-config.js'
import type { Clock } from '../time/clock.js'
import type { JsonHandlers, RawHandlers } from './asked.js'
import { refreshAnswer, reloadAnswer, resetAnswer } from './changes.js'
import { sendCa, sendMetrics, sendOpenapi, sendReadiness } from './documents.js'
import { Events } from './events.js'
import type { Managed } from './managed.js'
import { Page } from './page.js'
import { AdminProblem } from './problem.js'
import { Readiness } from './readiness.js'
import { routeViews } from './routes.js'
import { credentialAnswers, statusAnswer } from './status.js'

export type Handlers = {
  readonly json: JsonHandlers
  readonly raw: RawHandlers
  /** Ends the streams. */
  readonly close: () => void
}

/** What answers to each operation. */
export function createHandlers(managed: Managed, clock: Clock): Handlers {
  const readiness = new Readiness(managed, clock)
  const events = new Events(managed.serving, clock)
  return {
    json: jsonHandlers(managed, readiness, clock),
    raw: rawHandlers(managed, readiness, events),
    close: () => events.close(),
  }
}

const jsonHandlers = (managed: Managed, readiness: Readiness, clock: Clock): JsonHandlers => ({
  health: () => ({ status: 'ok' }),
  status: () => statusAnswer(managed, readiness),
  routes: async () => ({ routes: routeViews(managed.config(), await managed.serving.counts()) }),
  config: () => ({ config: effectiveJson(managed.config()) }),
  exchanges: async ({ query }) => ({ exchanges: await managed.serving.exchanges(query) }),
  exchange: async ({ params: { id = '' } }) => {
    const exchange = await managed.serving.exchange(id)
    if (exchange !== undefined) return exchange
    throw new AdminProblem('not_found', `no exchange ${JSON.stringify(id)} is remembered: it runs, or is too long ago`)
  },
  credentials: () => ({ credentials: credentialAnswers(managed) }),
  breakers: async () => ({ breakers: await managed.serving.breakers() }),
  // Loaded when they are asked for: most daemons pay nothing and hold no keys.
  ledger: async ({ query }) => (await import('./ledger.js')).ledgerAnswer(managed, query, clock),
  idempotency: async ({ query }) =>
    (await import('./claims.js')).claimAnswers(managed, query.uncertain === true, clock),
  reload: () => reloadAnswer(managed),
  drain: ({ afterwards }) => {
    afterwards(() => managed.drain())
    return { draining: true }
  },
  refresh: ({ params: { name = '' } }) => refreshAnswer(managed, name, clock),
  resetBreaker: ({ params: { origin = '' } }) => resetAnswer(managed, origin),
  resolve: async ({ params: { ref = '' }, body }) =>
    (await import('./claims.js')).resolveAnswer(managed, ref, body, clock),
})

function rawHandlers(managed: Managed, readiness: Readiness, events: Events): RawHandlers {
  const page = new Page()
  return {
    page: (request, reply) => page.index(request, reply),
    pageFile: (request, reply) => page.file((request.params as { readonly file: string }).file, request, reply),
    readiness: (_request, reply) => sendReadiness(readiness, reply),
    metrics: (_request, reply) => sendMetrics(managed, reply),
    openapi: (_request, reply) => sendOpenapi(reply),
    ca: (_request, reply) => sendCa(managed, reply),
    events: (request, reply) => events.open(request, reply),
  }
}
