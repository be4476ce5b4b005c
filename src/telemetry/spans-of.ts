import type { AttemptRecord, ExchangeRecord } from '../exchange/record.js'
import { FAULTS } from '../faults.js'
import { parseAuthority } from '../http/authority.js'
import type { TraceParent } from '../http/trace-parent.js'
import { type Attribute, number, type Span, text, whole } from './otlp.js'
import type { SpanIds } from './span-ids.js'

/** Methods that may stand in a span's name: a closed list, so that clients cannot make new names (OpenTelemetry HTTP). */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])

const SERVER = 2
const CLIENT = 3
const ERROR = 2

/** W3C's flags, and above them two bits of OTLP: whether it is known where the parent is, and that it is another process. */
const SAMPLED = 0x01
const RANDOM = 0x02
const KNOWN = 0x100
const REMOTE = 0x200

const DEFAULT_PORT = { http: 80, https: 443 } as const

/** How an exchange ends without a failure, although it has a word for it. */
const HARMLESS_ENDS: ReadonlySet<string> = new Set(['client-gone', 'replayed', 'shared'])

/** What all spans of an exchange say. */
type Common = { readonly traceId: string; readonly name: string; readonly wall: number; readonly random: number }

/**
 * The spans of an exchange that is over: one as the server of its client, and in it one for each attempt as the client
 * of an upstream. Nothing in them is a field's value or a part of the query.
 * @param parent of the client's `traceparent` @param wall Unix milliseconds at monotonic zero
 */
export function spansOf(record: ExchangeRecord, parent: TraceParent | undefined, ids: SpanIds, wall: number): Span[] {
  const { method, startedAt, endedAt, attempts } = record
  const common = {
    traceId: parent?.traceId ?? ids.trace(),
    name: METHODS.has(method) ? method : 'HTTP',
    wall,
    random: parent === undefined || parent.random ? RANDOM : 0,
  }
  const spanId = ids.span()
  const destination = destinationOf(record)
  const server: Span = {
    ...spanFrom(common, startedAt, endedAt),
    spanId,
    ...(parent && { parentSpanId: parent.spanId }),
    flags: SAMPLED | common.random | KNOWN | (parent === undefined ? 0 : REMOTE),
    kind: SERVER,
    attributes: [...serverAttributes(record), ...destination],
    ...statusOf(serverError(record)),
  }
  const target = [...methodOf(record), ...destination, ...urlOf(record)]
  const clients = attempts.map((attempt): Span => {
    const error = attemptError(attempt, record)
    return {
      ...spanFrom(common, attempt.startedAt, attempt.endedAt),
      spanId: ids.span(),
      parentSpanId: spanId,
      flags: SAMPLED | common.random | KNOWN,
      kind: CLIENT,
      attributes: [...target, ...attemptAttributes(attempt, error)],
      ...statusOf(error),
    }
  })
  return [server, ...clients]
}

const spanFrom = ({ traceId, name, wall }: Common, start: number, end: number) => ({
  traceId,
  name,
  startTimeUnixNano: nanos(wall + start),
  // An attempt that was cut off may have no end of its own.
  endTimeUnixNano: nanos(wall + Math.max(start, end)),
})

/** Microseconds are as much as a double holds of today's date. @param at Unix milliseconds */
const nanos = (at: number): string => `${Math.round(at * 1_000)}000`

const statusOf = (error: string | undefined): Pick<Span, 'status'> =>
  error === undefined ? { status: {} } : { status: { code: ERROR } }

function serverAttributes(record: ExchangeRecord): Attribute[] {
  const { id, route, mode, scheme, path, status, end, queued_ms } = record
  const error = serverError(record)
  return [
    ...methodOf(record),
    ...(mode === 'tunnel' ? [] : [text('url.scheme', scheme)]),
    ...(path.startsWith('/') ? [text('url.path', path)] : []),
    ...(status > 0 ? [whole('http.response.status_code', status)] : []),
    ...(error === undefined ? [] : [text('error.type', error)]),
    text('mulligan.id', id),
    text('mulligan.route', route),
    text('mulligan.mode', mode),
    text('mulligan.outcome', end ?? 'answered'),
    number('mulligan.wait_ms', queued_ms),
  ]
}

function attemptAttributes(attempt: AttemptRecord, error: string | undefined): Attribute[] {
  const { n, outcome, why, wait_ms } = attempt
  const status = statusIn(outcome)
  return [
    ...(status === undefined ? [] : [whole('http.response.status_code', status)]),
    ...(n > 1 ? [whole('http.request.resend_count', n - 1)] : []),
    ...(error === undefined ? [] : [text('error.type', error)]),
    // It was cut off: its client left.
    text('mulligan.outcome', outcome === '' ? 'none' : outcome),
    ...(why === '' ? [] : [text('mulligan.why', why)]),
    number('mulligan.wait_ms', wait_ms),
  ]
}

const methodOf = ({ method }: ExchangeRecord): Attribute[] =>
  METHODS.has(method)
    ? [text('http.request.method', method)]
    : [text('http.request.method', '_OTHER'), text('http.request.method_original', method)]

/** Nothing for a request that was refused before its `Host` was understood. */
function destinationOf({ host, scheme }: ExchangeRecord): Attribute[] {
  const authority = parseAuthority(host, DEFAULT_PORT[scheme])
  if (authority === undefined) return []
  return [text('server.address', authority.host), whole('server.port', authority.port)]
}

const urlOf = ({ scheme, host, path }: ExchangeRecord): Attribute[] =>
  path.startsWith('/') ? [text('url.full', `${scheme}://${host}${path}`)] : []

const statusIn = (outcome: string): number | undefined => (/^\d{3}$/.test(outcome) ? Number(outcome) : undefined)

/** A server's span fails with 5xx or a broken answer, not with what its client did wrong or that it left. */
function serverError({ status, end }: ExchangeRecord): string | undefined {
  if (status >= 500) return end ?? String(status)
  if (end === undefined || HARMLESS_ENDS.has(end)) return undefined
  return status < 400 ? end : undefined
}

/** A client's span fails with 4xx too, and with an answer that broke off behind its head. */
function attemptError({ n, outcome }: AttemptRecord, { attempts, end }: ExchangeRecord): string | undefined {
  const status = statusIn(outcome)
  if (status === undefined) return Object.hasOwn(FAULTS, outcome) ? outcome : undefined
  if (status >= 400) return outcome
  return end !== undefined && n === attempts.length && Object.hasOwn(FAULTS, end) ? end : undefined
}
