import { readFileSync } from 'node:fs'
import type { FastifyReply } from 'fastify'
import { packageRoot } from '../config/package-root.js'
import { EXPOSITION_TYPE, exposition } from '../metrics/exposition.js'
import type { Managed } from './managed.js'
import { AdminProblem } from './problem.js'
import type { Readiness } from './readiness.js'

/** `GET /metrics` */
export async function sendMetrics({ serving }: Managed, reply: FastifyReply): Promise<FastifyReply> {
  return reply.type(EXPOSITION_TYPE).send(exposition(await serving.metrics()))
}

/** `GET /readyz` */
export async function sendReadiness(readiness: Readiness, reply: FastifyReply): Promise<FastifyReply> {
  const answer = await readiness.answer()
  return reply.code(answer.status === 'ready' ? 200 : 503).send(answer)
}

/** `GET /openapi.json`: it is generated from the schemas when the package is made; the daemon does not load them. */
export function sendOpenapi(reply: FastifyReply): FastifyReply {
  return reply.type('application/json').send(readFileSync(new URL('config/openapi.json', packageRoot())))
}

/**
 * `GET /ca.pem`: without a password even where others have one. Who must trust it fetches it here, and it is no secret
 * (FP-21). @throws AdminProblem
 */
export function sendCa({ caPem }: Managed, reply: FastifyReply): FastifyReply {
  const pem = caPem()
  if (pem === undefined) throw new AdminProblem('not_found', 'no TLS is intercepted here')
  return reply.type('application/x-pem-file').send(pem)
}
