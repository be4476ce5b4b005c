/** The media type of an answer that mulligan made itself (RFC 9457 §3). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

export type Problem = {
  readonly title: string
  readonly status: number
  readonly detail: string
  /** One of the codes of the interface, stable across releases. */
  readonly code: string
  /** The id of the exchange, as in the log. */
  readonly exchange: string
  /** Seconds. */
  readonly retry_after?: number | undefined
  /** Whether the request can have had an effect upstream. */
  readonly outcome?: 'not-sent' | 'unknown' | undefined
}

/** A problem document as UTF-8 bytes, members always in the same order (RFC 9457 §3.1). */
export function problemBody(problem: Problem): Buffer {
  const { title, status, detail, code, exchange, retry_after, outcome } = problem
  const type = `urn:mulligan:fault:${code}`
  return Buffer.from(`${JSON.stringify({ type, title, status, detail, code, exchange, retry_after, outcome })}\n`)
}
