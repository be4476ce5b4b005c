import type { AttemptView, ExchangeDetail, ExchangeView } from '../src/serving/views.js'
import { tenths } from '../src/time/units.js'
import { reasonOf, rowsOf, type Span, type SpanKind } from './spans.js'

type Pair = { readonly name: string; readonly value: string }

/**
 * One exchange as an HTTP Archive 1.2: an entry for each attempt, so that every reader of HARs draws what was repeated
 * and when; what none of them knows of is in fields that begin with `_`, as the format wants it. Secrets are masked.
 */
export function harOf(exchange: ExchangeDetail, version: string) {
  const { id, time, attempts } = exchange
  const entries = attempts.length === 0 ? [unattempted(exchange)] : attempts.map(attempt => entryOf(exchange, attempt))
  const comment = `Exchange ${id} of ${time}: one entry for each attempt. Queries and bodies are not kept.`
  return { log: { version: '1.2', creator: { name: 'mulligan', version }, entries, comment } }
}

function entryOf(exchange: ExchangeDetail, attempt: AttemptView) {
  const { n, outcome, why, start_ms, wait_ms, reused, phase, hints, bytes_sent } = attempt
  const isLast = n === exchange.attempts.length
  const timings = timingsOf(exchange, attempt)
  return {
    startedDateTime: after(exchange.time, n === 1 ? start_ms - timings.blocked : start_ms),
    time: sumOf(timings),
    request: requestOf(exchange, bytes_sent),
    response: responseOf(outcome, pairs(hints), isLast ? exchange.bytes_out : 0),
    cache: {},
    timings: { ...timings, blocked: timings.blocked === 0 ? -1 : timings.blocked, dns: -1, ssl: -1 },
    comment: `attempt ${n}, ${outcome}: ${reasonOf(why)}`,
    ...{ _exchange: exchange.id, _route: exchange.route, _attempt: n, _why: why, _wait_ms: wait_ms },
    ...{ _reused: reused, _phase: phase, _end: isLast ? exchange.end : null },
  }
}

/** Answered from what was kept, or refused before any attempt. */
function unattempted(exchange: ExchangeDetail) {
  const { time, duration_ms, status, bytes_out, end, id, route } = exchange
  return {
    startedDateTime: time,
    time: duration_ms,
    request: requestOf(exchange, 0),
    response: responseOf(String(status), [], bytes_out),
    cache: {},
    timings: { blocked: -1, dns: -1, connect: -1, ssl: -1, send: 0, wait: duration_ms, receive: 0 },
    comment: `no attempt: ${end ?? 'answered by mulligan'}`,
    ...{ _exchange: id, _route: route, _attempt: 0, _end: end },
  }
}

const requestOf = ({ method, url, fields }: ExchangeDetail, bytes: number) => ({
  method,
  // A tunnel has an authority only, and a reader of HARs wants a URL.
  url: url.includes('://') ? url : `https://${url}`,
  httpVersion: 'unknown',
  cookies: [],
  headers: pairs(fields),
  queryString: [],
  headersSize: -1,
  bodySize: method === 'GET' || method === 'HEAD' ? 0 : bytes,
})

const responseOf = (outcome: string, headers: readonly Pair[], size: number) => ({
  status: /^\d{3}$/.test(outcome) ? Number(outcome) : 0,
  statusText: /^\d{3}$/.test(outcome) ? '' : outcome,
  httpVersion: 'unknown',
  cookies: [],
  headers,
  content: { size, mimeType: 'x-unknown' },
  redirectURL: '',
  headersSize: -1,
  bodySize: size,
})

function timingsOf(exchange: ExchangeView, { n }: AttemptView) {
  const row = rowsOf(exchange).find(row => row.kind === 'attempt' && row.attempt.n === n)
  const spans: readonly Span[] = row?.spans ?? []
  const took = (kind: SpanKind) => {
    const span = spans.find(span => span.kind === kind)
    return span === undefined ? 0 : tenths(span.end - span.start)
  }
  const blocked = n === 1 ? exchange.queued_ms : 0
  return { blocked, connect: took('connect'), send: took('send'), wait: took('wait'), receive: took('body') }
}

const sumOf = (timings: Readonly<Record<string, number>>): number =>
  tenths(Object.values(timings).reduce((sum, ms) => sum + ms, 0))

const pairs = (fields: readonly (readonly [string, string])[]): Pair[] =>
  fields.map(([name, value]) => ({ name, value }))

const after = (time: string, ms: number): string => new Date(Date.parse(time) + Math.max(0, ms)).toISOString()
