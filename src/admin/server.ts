import { fastify } from 'fastify'
import type { ListenAddress } from '../config/config.js'
import { BindError } from '../listener/doors.js'
import { crossSiteReason } from '../listener/mount-guard.js'
import { EXPOSITION_TYPE, exposition } from '../metrics/exposition.js'
import type { Managed } from './managed.js'
import { credentialAnswer, statusAnswer } from './status.js'

/** The admin side: a port of its own, for health checks and, as it grows, for everything an operator asks. */
export type AdminServer = { readonly address: ListenAddress; readonly close: () => Promise<void> }

/** @throws BindError */
export async function startAdminServer(address: ListenAddress, managed: Managed): Promise<AdminServer> {
  const app = fastify({ forceCloseConnections: true, bodyLimit: 1_048_576 })
  // A web page must not reach this port under a name of its own (DNS rebinding) or across sites.
  app.addHook('onRequest', async (request, reply) => {
    if (crossSiteReason(request.raw.rawHeaders, request.headers.host, address) !== undefined) {
      await reply.code(403).send({ title: 'Foreign host or site', status: 403 })
    }
  })
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const { draining } = await managed.serving.load()
    return reply.code(draining ? 503 : 200).send({ status: draining ? 'draining' : 'ready' })
  })
  // Without a password even where others have one: who must trust it fetches it here, and it is no secret (FP-21).
  app.get('/ca.pem', async (_request, reply) => {
    const pem = managed.caPem()
    if (pem === undefined) return reply.code(404).send({ title: 'No TLS is intercepted here', status: 404 })
    return reply.type('application/x-pem-file').send(pem)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(EXPOSITION_TYPE).send(exposition(await managed.serving.metrics())),
  )
  app.get('/v1/status', async () => statusAnswer(managed, await managed.serving.load()))
  app.get('/v1/credentials', async () => ({
    credentials: (managed.credentials()?.statuses() ?? []).map(credentialAnswer),
  }))
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
