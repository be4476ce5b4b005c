import type { Fields } from '../http/fields.js'
import type { MethodClass, Phase } from '../policy/types.js'

/** What the log says of one attempt. */
export type AttemptRecord = {
  n: number
  /** A status, or the name of a fault. */
  outcome: string
  /** How far a fault let it come; `undefined` for an answer. */
  phase: Phase | undefined
  /** Why it was repeated, or why not. */
  why: string
  /** Milliseconds waited before the next attempt. */
  wait_ms: number
  reused: boolean
  bytes_sent: number
  /** Monotonic milliseconds, like those below; 0 where it never came so far. */
  startedAt: number
  /** It had a connection. */
  connectedAt: number
  /** The last byte of the request was handed over. */
  sentAt: number
  /** Its answer's head was there. */
  headAt: number
  /** Of the answer that went to the client, with its body. */
  endedAt: number
  /** Fields of an answer of 400 and above: they may say when to come back. */
  refused: Fields | undefined
}

export type Mode = 'forward' | 'intercept' | 'mount' | 'tunnel' | 'upgrade' | 'refused'

/** The one record `exchange` per request, as the exchange leaves it; `log.ts` makes the line. */
export type ExchangeRecord = {
  readonly id: string
  readonly route: string
  readonly mode: Mode
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly host: string
  /** Without the query. */
  readonly path: string
  /** There was one. */
  readonly query: boolean
  /** What a repeat risked; `undefined` where no attempt would have been one. */
  readonly class: MethodClass | undefined
  /** What the client got; 0 when it got nothing. */
  readonly status: number
  /**
   * How it ended when not with an upstream's whole answer to it: `client-gone`, the fault, the code of our refusal, or
   * `replayed` and `shared` for an answer to an earlier request with its key.
   */
  readonly end: string | undefined
  readonly attempts: readonly AttemptRecord[]
  /** Monotonic milliseconds. */
  readonly startedAt: number
  readonly endedAt: number
  /** At the cooldown gate before the first attempt. */
  readonly queued_ms: number
  /** The client's request fields: secrets must be masked wherever they are shown. */
  readonly fields: Fields
  /** The first characters of its idempotency key; `undefined` without one. */
  readonly key: string | undefined
  /** What was paid for it, such as `0.01 USDC`; `undefined` when nothing was. */
  readonly spend: string | undefined
  /** Answers whose word on when to repeat could not be read (R5); `undefined` without one. */
  readonly hints_invalid: number | undefined
  readonly bytes_in: number
  readonly bytes_out: number
}

export type RecordSink = (record: ExchangeRecord) => void

/** What the proxy itself cost, in milliseconds: the whole duration without attempts, waits and queueing. */
export function overhead(attempts: readonly AttemptRecord[], duration: number, queued: number): number {
  let own = duration - queued
  for (const attempt of attempts) own -= attempt.endedAt - attempt.startedAt + attempt.wait_ms
  return Math.max(0, own)
}

/** A slice keeps all of its text alive; behind what is remembered, no query may be longer than that. */
const QUERY_KEPT = 1_024

export const withoutQuery = (path: string): string => {
  const query = path.indexOf('?')
  if (query < 0) return path
  const rest = path.slice(0, query)
  return path.length - query > QUERY_KEPT ? Buffer.from(rest).toString() : rest
}

/** What is known of a request that never became an exchange. */
type Bare = Omit<ExchangeRecord, 'class' | 'query' | 'queued_ms' | 'fields' | 'key' | 'spend' | 'hints_invalid'>

/** The record of a request that never became an exchange. One literal, no spread: this runs for every tunnel. */
export const bareRecord = (known: Bare): ExchangeRecord => ({
  id: known.id,
  route: known.route,
  mode: known.mode,
  method: known.method,
  scheme: known.scheme,
  host: known.host,
  path: known.path,
  query: false,
  class: undefined,
  status: known.status,
  end: known.end,
  attempts: known.attempts,
  startedAt: known.startedAt,
  endedAt: known.endedAt,
  queued_ms: 0,
  fields: NO_FIELDS,
  key: undefined,
  spend: undefined,
  hints_invalid: undefined,
  bytes_in: known.bytes_in,
  bytes_out: known.bytes_out,
})

const NO_FIELDS: Fields = []
