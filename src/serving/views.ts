import type { RouteCounts } from '../metrics/route-meter.js'
import type { MethodClass, Phase } from '../policy/types.js'

/**
 * What the admin side tells, as JSON: times of day are RFC 3339, spans in milliseconds (`_ms`) or seconds (`_s`), amounts
 * decimal strings in atomic units, and what is not known is `null`. Nothing in it is secret.
 */

export type AttemptView = {
  readonly n: number
  /** A status, or the name of a fault. */
  readonly outcome: string
  /** How far a fault let it come (rule R1). */
  readonly phase: Phase | null
  /** Why it was repeated, or why not: the log's word. */
  readonly why: string
  /** Since the exchange began, like those below. */
  readonly start_ms: number
  /** It had a connection. */
  readonly connected_ms: number | null
  /** The last byte of the request was handed over. */
  readonly sent_ms: number | null
  /** The head of its answer was there. */
  readonly head_ms: number | null
  readonly end_ms: number
  /** Between its end and the next attempt. */
  readonly wait_ms: number
  readonly reused: boolean
  readonly bytes_sent: number
  /** Of a refused answer: what says when to come back. Name and value. */
  readonly hints: readonly (readonly [string, string])[]
}

/** One request and its answer, when it is over. */
export type ExchangeView = {
  readonly id: string
  /** When it began. */
  readonly time: string
  readonly route: string
  readonly mode: string
  readonly method: string
  /** Without the query, as it was sent to the upstream. */
  readonly url: string
  /** There was a query. */
  readonly query: boolean
  /** What a repeat risked; `null` where no attempt would have been one. */
  readonly class: MethodClass | null
  /** What the client got; 0 for nothing. */
  readonly status: number
  /** How it ended when not with an upstream's whole answer. */
  readonly end: string | null
  readonly duration_ms: number
  /** At the cooldown gate before the first attempt. */
  readonly queued_ms: number
  /** What the proxy itself cost. */
  readonly overhead_ms: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly key: string | null
  readonly spend: string | null
  readonly attempts: readonly AttemptView[]
}

/** The same with the client's request fields; the values of all but well-known harmless ones are masked. */
export type ExchangeDetail = ExchangeView & { readonly fields: readonly (readonly [string, string])[] }

export type RouteView = RouteCounts & {
  readonly name: string
  /** Such as `api.vendor.com/v1/**`. */
  readonly match: string
  readonly upstream: string | null
  readonly mount: string | null
  readonly credential: string | null
  readonly wallet: string | null
}

/** An origin's health under one set of policies. */
export type BreakerView = {
  readonly origin: string
  /** `off`: its routes have none. */
  readonly breaker: 'closed' | 'open' | 'probing' | 'off'
  /** Until the next probe may pass. */
  readonly retry_in_s: number
  /** Requests that wait at cooldown gates. */
  readonly waiting: number
  /** Repeats that could be paid now; `null` where retries are off or not budgeted. */
  readonly budget: number | null
}

/** What exchanges are asked for: the newest first. */
export type ExchangeQuery = {
  /** At most so many. */
  readonly limit: number
  readonly route?: string | undefined
  /** Only those that failed, were repeated or waited. */
  readonly notable?: boolean | undefined
}
