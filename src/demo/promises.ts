import { type Api, itemBody, REFUSAL } from './api.js'
import type { Reply } from './client.js'
import type { Scenario } from './scenarios.js'

/** What must be true of a run through mulligan. */
export type Promised =
  | 'all-answered' // every request got the answer that a healthy API gives
  | 'never-half' // an answer that broke off ends in an error, never in half a body taken for the whole
  | 'all-made-once' // every order exists, once
  | 'failures-are-unknown' // a failure says that the order may exist
  | 'failures-are-theirs' // a failure is the API's own answer, byte for byte

/** What came of one scenario in one of the two runs. */
export type Tally = {
  readonly asked: number
  /** Right answers, whole. */
  readonly answered: number
  /** Failures that said `outcome: unknown`. */
  readonly unknown: number
  /** Orders at the API. */
  readonly orders: number
  /** Orders beyond the first for one request. */
  readonly duplicates: number
  /** Requests that came back before the `Retry-After` they were given. */
  readonly tooEarly: number
  readonly kept: boolean
}

/** Counts what the client saw and what the API knows. @param replies in the order of the ids, from 1 */
export function tally(scenario: Scenario, replies: readonly Reply[], api: Api): Tally {
  const made = [...api.orders.values()].reduce((sum, count) => sum + count, 0)
  const counts = {
    asked: replies.length,
    answered: replies.filter((reply, i) => isRight(scenario, reply, i + 1)).length,
    unknown: replies.filter(isUnknown).length,
    orders: made,
    duplicates: made - api.orders.size,
    tooEarly: api.tooEarly(),
  }
  return { ...counts, kept: counts.tooEarly === 0 && isKept(scenario, counts, replies, api) }
}

const isRight = ({ method }: Scenario, { status, body, whole }: Reply, id: number): boolean =>
  whole && (method === 'POST' ? status === 201 && body === `order ${id}\n` : status === 200 && body === itemBody(id))

const isUnknown = ({ status, body }: Reply): boolean => status === 502 && /"outcome":\s*"unknown"/.test(body)

function isKept(scenario: Scenario, counts: Omit<Tally, 'kept'>, replies: readonly Reply[], api: Api): boolean {
  const { asked, answered, unknown, orders, duplicates } = counts
  if (duplicates > 0) return false
  const failures = replies.filter((reply, i) => !isRight(scenario, reply, i + 1))
  switch (scenario.promised) {
    case 'all-answered':
      return answered === asked
    case 'never-half':
      return failures.every(({ whole }) => !whole)
    case 'all-made-once':
      return answered === asked && orders === asked
    case 'failures-are-unknown':
      return unknown === failures.length && replies.every((reply, i) => reply.status !== 201 || api.orders.has(i + 1))
    case 'failures-are-theirs':
      return orders === answered && failures.every(({ status, body }) => status === 503 && body === REFUSAL)
  }
}
