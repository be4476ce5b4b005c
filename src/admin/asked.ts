import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answers } from './answers.js'
import type { OperationId, QueryOf } from './operations.js'

/** A request to an operation, checked as far as the table of operations says. */
export type Asked<I extends OperationId> = {
  readonly params: Readonly<Record<string, string>>
  readonly query: QueryOf<I>
  /** Parsed JSON; `undefined` when there was none. */
  readonly body: unknown
  /** Once the answer is on its way. */
  readonly afterwards: (task: () => void) => void
}

/** Operations that answer with JSON, and always with the same status. */
export type JsonId = Exclude<keyof Answers, 'readiness'>

/** They throw an `AdminProblem` for whatever else they have to say. */
export type JsonHandlers = {
  readonly [I in JsonId]: (asked: Asked<I>) => Answers[I] | Promise<Answers[I]>
}

type Write = (request: FastifyRequest, reply: FastifyReply) => unknown

/** All others write for themselves. */
export type RawHandlers = { readonly [I in Exclude<OperationId, JsonId>]: Write }
