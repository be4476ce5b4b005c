import { fastify } from 'fastify'
import type { ListenAddress } from '../config/config.js'
import { parseAuthority } from '../http/authority.js'
import { BindError } from '../listener/doors.js'

/** The admin side: a port of its own, for health checks and, as it grows, for everything an operator asks. */
export type AdminServer = { readonly address: ListenAddress; readonly close: () => Promise<void> }

/** @param ready false while draining @throws BindError */
export async function startAdminServer(address: ListenAddress, ready: () => boolean): Promise<AdminServer> {
  const app = fastify({ forceCloseConnections: true, bodyLimit: 1_048_576 })
  // A web page must not reach this port under a name of its own (DNS rebinding) or across sites.
  app.addHook('onRequest', async (request, reply) => {
    const site = request.headers['sec-fetch-site']
    const crossSite = site !== undefined && site !== 'none' && site !== 'same-origin'
    if (crossSite || (address.kind === 'tcp' && !isOwnName(request.headers.host, address.host))) {
      await reply.code(403).send({ title: 'Foreign host or site', status: 403 })
    }
  })
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) =>
    reply.code(ready() ? 200 : 503).send({ status: ready() ? 'ready' : 'draining' }),
  )
  try {
    await app.listen(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new BindError(
      `the admin address cannot be bound (${code ?? message}): choose another with --admin, or --admin off`,
    )
  }
  const bound = app.server.address()
  const real =
    address.kind === 'tcp' && bound !== null && typeof bound === 'object' ? { ...address, port: bound.port } : address
  return { address: real, close: () => app.close() }
}

function isOwnName(host: string | undefined, bound: string): boolean {
  const name = host === undefined ? undefined : parseAuthority(host, 80)?.host
  return name === bound || name === 'localhost' || name === '127.0.0.1' || name === '::1'
}
