import { type FastifyInstance, fastify } from 'fastify'
import type { Logger } from 'pino'
import type { ListenAddress } from '../config/config.js'
import { formatListenAddress } from '../config/listen-address.js'
import { BindError } from '../listener/doors.js'
import { closeToOthers, makeWay } from '../listener/unix-socket.js'
import type { Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { Asked, JsonHandlers, JsonId, RawHandlers } from './asked.js'
import type { Handlers } from './handlers.js'
import type { Managed } from './managed.js'
import { OPERATIONS, type Operation, type OperationId } from './operations.js'
import { readQuery } from './parameters.js'
import { AdminProblem } from './problem.js'
import { answerErrors, badTarget, onMalformed, refuse } from './refusals.js'
import { SECURITY_FIELDS } from './security-fields.js'
import { foreignReason } from './site-guard.js'
import { type AdminToken, openToken, tokenPath } from './token.js'

/** A body says one word. */
const BODY_MAX = 16_384
/** Readers, probes and scrapers; a crowd is none of them. */
const CONNECTIONS_MAX = 256
/** A request that takes longer to arrive is not on its way. */
const ARRIVES_WITHIN = seconds(10)
/** Names of origins are long when they are percent-encoded. */
const PARAMETER_MAX = 2_048

/** The admin side: a port of its own, for health checks and for everything an operator asks. */
export type AdminServer = { readonly address: ListenAddress; readonly close: () => Promise<void> }

export type AdminWorld = { readonly clock: Clock; readonly logger: Logger }

/** @throws BindError */
export async function startAdminServer(
  address: ListenAddress,
  managed: Managed,
  world: AdminWorld,
): Promise<AdminServer> {
  const app = createAdminApp(address, managed, world)
  return { address: await listen(app, address), close: () => app.close() }
}

/** A daemon that was asked nothing for so long has the time to load the answers. */
const IDLE = seconds(2)

/** All of it, before it listens. */
export function createAdminApp(
  address: ListenAddress,
  managed: Managed,
  { clock, logger }: AdminWorld,
): FastifyInstance {
  const { state } = managed.config()
  const token = openToken(state)
  if (token.refused !== undefined) {
    const facts = { file: tokenPath(state), reason: token.refused }
    logger.warn(facts, 'the admin token is of no use: nothing can be changed through the admin side')
  }
  const app = createApp(address, logger)
  let loaded: Promise<Handlers> | undefined
  // With the first request: a daemon that nobody asks starts sooner.
  const handlers = () => {
    loaded ??= import('./handlers.js')
      .then(({ createHandlers }) => createHandlers(managed, clock))
      .catch(error => {
        loaded = undefined
        throw error
      })
    return loaded
  }
  addRoutes(app, handlers, token)
  // Soon all the same: Node 20 never reads a module again that it once had no file left to read with.
  const cancel = clock.schedule(IDLE, () => {
    handlers().catch(() => undefined)
  })
  app.addHook('preClose', async () => {
    cancel()
    await loaded?.then(
      all => all.close(),
      () => undefined,
    )
  })
  return app
}

/** Everything but what it answers. */
function createApp(address: ListenAddress, logger: Logger): FastifyInstance {
  const app = fastify({
    forceCloseConnections: true,
    bodyLimit: BODY_MAX,
    requestTimeout: ARRIVES_WITHIN,
    routerOptions: { maxParamLength: PARAMETER_MAX },
    clientErrorHandler: onMalformed,
    frameworkErrors: (error, _request, reply) => void refuse(reply.headers(SECURITY_FIELDS), badTarget(error)),
    // Without one it is no name of ours, and we say so.
    http: { requireHostHeader: false },
  })
  app.server.maxConnections = CONNECTIONS_MAX
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

function addRoutes(app: FastifyInstance, handlers: () => Promise<Handlers>, token: AdminToken): void {
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
        const { json, raw } = await handlers()
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

async function listen(app: FastifyInstance, address: ListenAddress): Promise<ListenAddress> {
  const remedy = 'choose another with --admin, or --admin off'
  if (address.kind === 'unix' && !(await makeWay(address.path)))
    throw new BindError(
      `the admin address ${formatListenAddress(address)} is taken: another mulligan answers on it; ${remedy}`,
    )
  try {
    await app.listen(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new BindError(`the admin address cannot be bound (${code ?? message}): ${remedy}`)
  }
  if (address.kind === 'unix') {
    closeToOthers(address.path)
    return address
  }
  const bound = app.server.address()
  return bound !== null && typeof bound === 'object' ? { ...address, port: bound.port } : address
}
