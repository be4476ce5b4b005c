import { type FastifyInstance, fastify } from 'fastify'
import type { Logger } from 'pino'
import type { ListenAddress } from '../config/config.js'
import type { Clock } from '../time/clock.js'
import type { Asked, JsonHandlers, JsonId, RawHandlers } from './asked.js'
import { createHandlers, type Handlers } from './handlers.js'
import type { Managed } from './managed.js'
import { OPERATIONS, type Operation, type OperationId } from './operations.js'
import { readQuery } from './parameters.js'
import { AdminProblem } from './problem.js'
import { answerErrors, badTarget, refuse } from './refusals.js'
import { SECURITY_FIELDS } from './security-fields.js'
import { foreignReason } from './site-guard.js'
import type { AdminToken } from './token.js'

/** A body says one word. */
const BODY_MAX = 16_384
/** Names of origins are long when they are percent-encoded. */
const PARAMETER_MAX = 2_048

export type AdminWorld = { readonly clock: Clock; readonly logger: Logger }

/** What answers on the admin port: `routing` takes the requests, once it is ready. It never listens itself. */
export function createAdminApp(
  address: ListenAddress,
  managed: Managed,
  token: AdminToken,
  { clock, logger }: AdminWorld,
): FastifyInstance {
  const app = createApp(address, logger)
  const handlers = createHandlers(managed, clock)
  addRoutes(app, handlers, token)
  app.addHook('preClose', async () => handlers.close())
  return app
}

/** Everything but what it answers. */
function createApp(address: ListenAddress, logger: Logger): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_MAX,
    routerOptions: { maxParamLength: PARAMETER_MAX },
    frameworkErrors: (error, _request, reply) => void refuse(reply.headers(SECURITY_FIELDS), badTarget(error)),
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
    if (body.length === 0) return undefined
    const { parseStrict } = await import('../json/strict.js')
    const parsed = parseStrict(body)
    if (typeof parsed === 'object') return parsed.value
    throw new AdminProblem('bad_request', 'the body is not JSON')
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_FIELDS)
    if (request.url.startsWith('/v1')) reply.header('cache-control', 'no-store')
    const foreign = foreignReason(request.raw, address)
    if (foreign !== undefined) throw new AdminProblem('cross_site', foreign)
  })
  answerErrors(app, logger)
  return app
}

function addRoutes(app: FastifyInstance, { json, raw }: Handlers, token: AdminToken): void {
  for (const id of Object.keys(OPERATIONS) as OperationId[]) {
    const { method, path: url, success = 200 }: Operation = OPERATIONS[id]
    app.route({
      method,
      url,
      // A stream has no end that could be told ahead.
      exposeHeadRoute: id !== 'events',
      onRequest: async request => {
        if (method === 'POST' && !token.allows(request.headers.authorization)) throw tokenNeeded(token)
      },
      handler: async (request, reply) => {
        const query = readQuery(id, request.query)
        if (!isJson(id, json)) return raw[id as keyof RawHandlers](request, reply)
        const params = request.params as Readonly<Record<string, string>>
        const afterwards = (task: () => void) => {
          // Who asked may have left already.
          if (reply.raw.destroyed) task()
          else reply.raw.once('close', task)
        }
        const answer = json[id] as (asked: Asked<OperationId>) => unknown
        return reply.code(success).send(await answer({ params, query, body: request.body, afterwards }))
      },
    })
  }
}

const isJson = (id: OperationId, json: JsonHandlers): id is JsonId => Object.hasOwn(json, id)

function tokenNeeded({ refused }: AdminToken): AdminProblem {
  const detail =
    refused === undefined
      ? 'who changes something sends Authorization: Bearer with the content of admin.token in the state directory'
      : 'changes are off: the admin token of this daemon is of no use; its log says why'
  return new AdminProblem('token_needed', detail, { 'www-authenticate': 'Bearer realm="mulligan"' })
}
