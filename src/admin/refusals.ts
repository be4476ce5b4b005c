import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { PROBLEM_MEDIA_TYPE } from '../http/problem.js'
import { StoreError } from '../store/store.js'
import { OPERATIONS, type Operation } from './operations.js'
import { AdminProblem, type ProblemCode, problemText } from './problem.js'

/** Whatever goes wrong is answered with a problem document, Fastify's own refusals as well. */
export function answerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: FastifyError | Error, _request, reply) => {
    const problem = problemOf(error)
    // The message of an error that nobody thought of may hold anything.
    if (problem.code === 'internal')
      logger.error({ error: error.name, stack: placesOf(error) }, 'bug in the admin side')
    return refuse(reply, problem)
  })
  app.setNotFoundHandler((request, reply) => refuse(reply, notFound(request)))
}

const placesOf = ({ stack = '' }: Error): string =>
  stack
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .join('\n')

/** A path that says nothing in UTF-8, or names something that nothing here is called. */
export const badTarget = ({ code }: { readonly code: string }): AdminProblem =>
  code === 'FST_ERR_MAX_PARAM_LENGTH'
    ? new AdminProblem('not_found', 'nothing here has a name as long as that')
    : new AdminProblem('bad_request', 'the path is not percent-encoded UTF-8')

export function refuse(reply: FastifyReply, problem: AdminProblem): FastifyReply {
  return reply.code(problem.status).headers(problem.fields).type(PROBLEM_MEDIA_TYPE).send(problemText(problem))
}

const BY_STATUS: Readonly<Record<number, readonly [ProblemCode, string]>> = {
  413: ['body_too_large', 'the body is larger than anything that is asked for here'],
  415: ['unsupported_media_type', 'a body is application/json'],
}

function problemOf(error: FastifyError | Error): AdminProblem {
  if (error instanceof AdminProblem) return error
  if (error instanceof StoreError) return new AdminProblem('store_unavailable', error.message, { 'retry-after': '5' })
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500
  if (status < 400 || status > 499) return new AdminProblem('internal', 'its log says more; please report it')
  const [code, detail] = BY_STATUS[status] ?? (['bad_request', 'the request cannot be understood'] as const)
  return new AdminProblem(code, detail)
}

/** There is no such operation, or not by this method (RFC 9110 §15.5.6). */
function notFound({ method, url }: FastifyRequest): AdminProblem {
  const path = url.split('?', 1)[0] as string
  const all: readonly Operation[] = Object.values(OPERATIONS)
  const allowed = all.find(operation => patternOf(operation).test(path))
  if (allowed === undefined) return new AdminProblem('not_found', 'see /openapi.json for what there is')
  // Of a GET without a HEAD, which is the stream.
  const allow = allowed.method === 'GET' ? (method === 'HEAD' ? 'GET' : 'GET, HEAD') : 'POST'
  return new AdminProblem('method_not_allowed', `${method} is none of ${allow}`, { allow })
}

const patternOf = ({ path }: Operation): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`)
