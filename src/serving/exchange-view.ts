import { type AttemptRecord, type ExchangeRecord, overhead } from '../exchange/record.js'
import type { Fields } from '../http/fields.js'
import { isHintField } from '../http/hint.js'
import { tenths } from '../time/units.js'
import type { AttemptView, ExchangeDetail, ExchangeView } from './views.js'

/** Request fields whose values tell nobody anything: any other is masked, for nobody knows every name of a secret. */
const HARMLESS = new Set(
  `accept accept-charset accept-encoding accept-language cache-control connection content-encoding
   content-length content-type date expect host if-match if-modified-since if-none-match pragma prefer
   range te traceparent trailer transfer-encoding upgrade user-agent vary`.split(/\s+/),
)

/** Begins with a scheme (RFC 3986 §3.1). */
const ABSOLUTE = /^[a-z][a-z\d+.-]*:\/\//i

const MASKED = '[redacted]'

/** @param wall Unix milliseconds at monotonic zero */
export function exchangeView(record: ExchangeRecord, wall: number): ExchangeView {
  const { id, route, mode, method, query, status, end, attempts, startedAt, endedAt } = record
  const { queued_ms, bytes_in, bytes_out, key, spend } = record
  const duration = endedAt - startedAt
  return {
    id,
    time: new Date(wall + startedAt).toISOString(),
    route,
    mode,
    method,
    url: urlOf(record),
    query,
    class: record.class ?? null,
    status,
    end: end ?? null,
    duration_ms: tenths(duration),
    queued_ms: tenths(queued_ms),
    overhead_ms: tenths(overhead(attempts, duration, queued_ms)),
    bytes_in,
    bytes_out,
    key: key ?? null,
    spend: spend ?? null,
    attempts: attempts.map(attempt => attemptView(attempt, startedAt)),
  }
}

/** What was refused is recorded as it was asked for: its target says where to, whatever its `Host` says. */
function urlOf({ method, scheme, host, path }: ExchangeRecord): string {
  if (method === 'CONNECT') return path === '' ? host : path
  return ABSOLUTE.test(path) ? path : `${scheme}://${host}${path}`
}

/** @param redact names, in lower case, that the configuration calls secret */
export function exchangeDetail(record: ExchangeRecord, wall: number, redact: readonly string[]): ExchangeDetail {
  return { ...exchangeView(record, wall), fields: masked(record.fields, redact) }
}

function attemptView(attempt: AttemptRecord, zero: number): AttemptView {
  const { n, outcome, phase, why, wait_ms, reused, bytes_sent, startedAt, connectedAt, sentAt, headAt, endedAt } =
    attempt
  const since = (at: number) => (at === 0 ? null : tenths(at - zero))
  return {
    n,
    outcome,
    phase: phase ?? null,
    why,
    start_ms: tenths(startedAt - zero),
    connected_ms: since(connectedAt),
    sent_ms: since(sentAt),
    head_ms: since(headAt),
    end_ms: tenths(endedAt - zero),
    wait_ms: tenths(wait_ms),
    reused,
    bytes_sent,
    hints: attempt.refused === undefined ? [] : pairs(attempt.refused).filter(([name]) => isHintField(name)),
  }
}

const masked = (fields: Fields, redact: readonly string[]): [string, string][] =>
  pairs(fields).map(([name, value]) => {
    const shown = HARMLESS.has(name.toLowerCase()) && !redact.includes(name.toLowerCase())
    return [name, shown ? value : MASKED]
  })

function pairs(fields: Fields): [string, string][] {
  const all: [string, string][] = []
  for (let i = 0; i < fields.length; i += 2) all.push([fields[i] as string, fields[i + 1] as string])
  return all
}
