import { createServer, type Server } from 'node:http'
import type { ListenAddress } from '../config/config.js'
import { formatListenAddress } from '../config/listen-address.js'
import { BindError } from '../listener/doors.js'
import { closeToOthers, makeWay } from '../listener/unix-socket.js'
import { seconds } from '../time/units.js'
import type { AdminWorld } from './app.js'
import { LateApp } from './late-app.js'
import { onMalformed } from './malformed.js'
import type { Managed } from './managed.js'
import { openToken, tokenPath } from './token.js'

/** Readers, probes and scrapers; a crowd is none of them. */
const CONNECTIONS_MAX = 256
/** A request that takes longer to arrive is not on its way. */
const ARRIVES_WITHIN = seconds(10)
/** Longer than a scraper waits between two requests. */
const KEPT = seconds(72)

/** The admin side: a port of its own, for health checks and for everything an operator asks. */
export type AdminServer = { readonly address: ListenAddress; readonly close: () => Promise<void> }

/** It is bound, and its token is there; what answers is loaded when somebody asks. @throws BindError */
export async function startAdminServer(
  address: ListenAddress,
  managed: Managed,
  world: AdminWorld,
): Promise<AdminServer> {
  const { state } = managed.config()
  const token = openToken(state)
  if (token.refused !== undefined) {
    const facts = { file: tokenPath(state), reason: token.refused }
    world.logger.warn(facts, 'the admin token is of no use: nothing can be changed through the admin side')
  }
  const app = new LateApp(async () => (await import('./app.js')).createAdminApp(address, managed, token, world), world)
  const server = createListener(app)
  const bound = await listen(server, address).catch(error => {
    throw bindError(error)
  })
  const others =
    bound.kind === 'tcp' && bound.host === 'localhost' ? await listenElsewhere(app, server, bound.port) : []
  for (const one of [server, ...others])
    one.on('error', error => world.logger.error({ error: error.message }, 'admin listener error'))
  app.loadSoon()
  return {
    address: bound,
    close: async () => {
      await app.close()
      await Promise.all([server, ...others].map(end))
    },
  }
}

function createListener(app: LateApp): Server {
  // Without a Host it is no name of ours, and we say so.
  const server = createServer({ requireHostHeader: false }, app.serve)
  server.requestTimeout = ARRIVES_WITHIN
  server.keepAliveTimeout = KEPT
  server.maxConnections = CONNECTIONS_MAX
  server.on('clientError', onMalformed)
  return server
}

async function listen(server: Server, address: ListenAddress): Promise<ListenAddress> {
  if (address.kind === 'unix' && !(await makeWay(address.path)))
    throw new BindError(
      `the admin address ${formatListenAddress(address)} is taken: another mulligan answers on it; ${REMEDY}`,
    )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  if (address.kind === 'unix') {
    closeToOthers(address.path)
    return address
  }
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? { ...address, port: bound.port } : address
}

/** `localhost` is two addresses on most machines, and programs differ in which they try first. */
async function listenElsewhere(app: LateApp, first: Server, port: number): Promise<readonly Server[]> {
  const bound = first.address()
  const host = bound !== null && typeof bound === 'object' && bound.family === 'IPv6' ? '127.0.0.1' : '::1'
  const server = createListener(app)
  return listen(server, { kind: 'tcp', host, port }).then(
    () => [server],
    () => [],
  )
}

const REMEDY = 'choose another with --admin, or --admin off'

function bindError(error: unknown): BindError {
  if (error instanceof BindError) return error
  const { code, message } = error as NodeJS.ErrnoException
  return new BindError(`the admin address cannot be bound (${code ?? message}): ${REMEDY}`)
}

function end(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
