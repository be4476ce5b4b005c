import t from 'tap'
import type { AttemptRecord, ExchangeRecord } from '../../../src/exchange/record.js'
import type { TraceParent } from '../../../src/http/trace-parent.js'
import type { Span } from '../../../src/telemetry/otlp.js'
import { spansOf } from '../../../src/telemetry/spans-of.js'
import { START } from '../../support/clock.js'
import { attributesOf } from '../../support/otlp.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'

const PARENT: TraceParent = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), sampled: true, random: false }

/** Ids that count. */
function countingIds() {
  let count = 0
  const next = (digits: number) => (++count).toString(16).padStart(digits, '0')
  return { trace: () => next(32), span: () => next(16) }
}

function spans(change: Partial<ExchangeRecord>, parent?: TraceParent): [Span, ...Span[]] {
  const [server, ...clients] = spansOf(exchangeRecord(change), parent, countingIds(), START)
  return [server as Span, ...clients]
}

const attempts = (...changes: Partial<AttemptRecord>[]) =>
  changes.map((change, i) => attemptRecord({ n: i + 1, ...change }))

t.test('an exchange is a server span, and each of its attempts a client span in it', t => {
  const [server, first, second, ...more] = spans({
    ...{
      route: 'api',
      host: 'api.test:8080',
      path: '/items',
      query: true,
      startedAt: 5,
      endedAt: 30.25,
      queued_ms: 2.5,
    },
    attempts: attempts(
      { outcome: '503', why: 'status', wait_ms: 10, startedAt: 6, endedAt: 9 },
      { outcome: '200', startedAt: 19, endedAt: 30 },
    ),
  })
  t.strictSame(more, [])
  const traceId = '1'.padStart(32, '0')
  t.match(server, { traceId, spanId: '2'.padStart(16, '0'), kind: 2, name: 'GET', status: {}, flags: 0x103 })
  t.notOk(Object.hasOwn(server, 'parentSpanId'))
  t.equal(server.startTimeUnixNano, `${START + 5}000000`)
  t.equal(server.endTimeUnixNano, `${START + 30}250000`)
  t.strictSame(attributesOf(server), {
    'http.request.method': 'GET',
    'url.scheme': 'http',
    'url.path': '/items',
    'http.response.status_code': 200,
    'mulligan.id': 'a-1',
    'mulligan.route': 'api',
    'mulligan.mode': 'forward',
    'mulligan.outcome': 'answered',
    'mulligan.wait_ms': 2.5,
    'server.address': 'api.test',
    'server.port': 8080,
  })
  t.match(first, { traceId, parentSpanId: server.spanId, kind: 3, name: 'GET', status: { code: 2 }, flags: 0x103 })
  t.strictSame(attributesOf(first as Span), {
    'http.request.method': 'GET',
    'server.address': 'api.test',
    'server.port': 8080,
    'url.full': 'http://api.test:8080/items',
    'http.response.status_code': 503,
    'error.type': '503',
    'mulligan.outcome': '503',
    'mulligan.why': 'status',
    'mulligan.wait_ms': 10,
  })
  t.match(second, { traceId, parentSpanId: server.spanId, startTimeUnixNano: `${START + 19}000000`, status: {} })
  t.match(attributesOf(second as Span), { 'http.request.resend_count': 1, 'mulligan.why': 'final' })
  t.equal(new Set([server, first, second].map(span => span?.spanId)).size, 3)
  t.end()
})

t.test('with a parent the spans are of its trace, and the server span is its child from elsewhere', t => {
  const [server, client] = spans({}, PARENT)
  t.match(server, { traceId: PARENT.traceId, parentSpanId: PARENT.spanId, flags: 0x301 })
  t.match(client, { traceId: PARENT.traceId, parentSpanId: server.spanId, flags: 0x101 })
  t.equal(spans({}, { ...PARENT, random: true })[0].flags, 0x303, 'what the parent says of its id is passed on')
  t.end()
})

t.test('error.type and the status say whose failure it was', t => {
  const rows: [string, Partial<ExchangeRecord>, string | undefined, string | undefined][] = [
    ['answered', {}, undefined, undefined],
    ['the client was wrong', { status: 404, attempts: attempts({ outcome: '404' }) }, undefined, '404'],
    ['the upstream failed', { status: 502, attempts: attempts({ outcome: '502' }) }, '502', '502'],
    [
      'no connection',
      { status: 502, end: 'connection_refused', attempts: attempts({ outcome: 'connection_refused' }) },
      'connection_refused',
      'connection_refused',
    ],
    [
      'the answer broke off',
      { end: 'http_response_incomplete', attempts: attempts({ outcome: '200' }) },
      'http_response_incomplete',
      'http_response_incomplete',
    ],
    ['the client left', { status: 0, end: 'client-gone', attempts: attempts({ outcome: '' }) }, undefined, undefined],
    ['our refusal', { status: 503, end: 'breaker_open', attempts: [] }, 'breaker_open', undefined],
    ['a refusal of what the client did', { status: 422, end: 'key_reused', attempts: [] }, undefined, undefined],
    ['an earlier answer', { end: 'replayed', attempts: [] }, undefined, undefined],
    ['a tunnel', { mode: 'tunnel', attempts: attempts({ outcome: 'connected' }) }, undefined, undefined],
  ]
  for (const [name, change, ofServer, ofClient] of rows) {
    const [server, client] = spans(change)
    t.equal(attributesOf(server)['error.type'], ofServer, name)
    t.strictSame(server.status, ofServer === undefined ? {} : { code: 2 }, name)
    if (client === undefined) continue
    t.equal(attributesOf(client)['error.type'], ofClient, name)
    t.strictSame(client.status, ofClient === undefined ? {} : { code: 2 }, name)
  }
  t.end()
})

t.test('nothing that a client made up becomes a name, an address or a URL', t => {
  const [odd] = spans({ method: 'BREW', attempts: [] })
  t.equal(odd.name, 'HTTP')
  t.match(attributesOf(odd), { 'http.request.method': '_OTHER', 'http.request.method_original': 'BREW' })
  const bad = spans({ mode: 'refused', host: 'a b', path: 'http://[redacted]@x/', status: 400, attempts: [] })[0]
  t.strictSame(
    Object.keys(attributesOf(bad)).filter(key => /^(?:url\.[^s]|server)/.test(key)),
    [],
  )
  const [tunnel, dial] = spans({ mode: 'tunnel', method: 'CONNECT', host: '[::1]:443', path: '' })
  t.match(attributesOf(tunnel), { 'server.address': '::1', 'server.port': 443 })
  t.notOk(Object.hasOwn(attributesOf(dial as Span), 'url.full'))
  t.match(attributesOf(spans({ scheme: 'https' })[1] as Span), { 'server.port': 443, 'url.full': 'https://api.test/' })
  t.end()
})

t.test('an attempt without an end does not end before it began', t => {
  const [, client] = spans({ attempts: attempts({ startedAt: 7, endedAt: 0 }) })
  t.equal(client?.endTimeUnixNano, client?.startTimeUnixNano)
  t.end()
})
