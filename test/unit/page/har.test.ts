import t from 'tap'
import { harOf } from '../../../page/har.js'
import { attemptView, exchangeDetail } from '../../support/exchange-views.js'
import { harFaults } from '../../support/har-rules.js'

const repeated = exchangeDetail({
  method: 'POST',
  status: 200,
  queued_ms: 5,
  duration_ms: 75,
  bytes_in: 7,
  key: 'ab12',
  fields: [
    ['Host', 'api.test'],
    ['authorization', '[redacted]'],
  ],
  attempts: [
    attemptView({
      start_ms: 5,
      connected_ms: 7,
      sent_ms: 8,
      head_ms: 14,
      end_ms: 15,
      outcome: '503',
      why: 'retry-after',
      wait_ms: 40,
      bytes_sent: 7,
      hints: [['Retry-After', '0']],
    }),
    attemptView({
      n: 2,
      start_ms: 55,
      connected_ms: null,
      sent_ms: null,
      head_ms: null,
      end_ms: 60,
      outcome: 'connection_refused',
      phase: 'connect',
      why: 'never-sent',
    }),
    attemptView({
      n: 3,
      start_ms: 60,
      connected_ms: 60,
      sent_ms: 61,
      head_ms: 70,
      end_ms: 75,
      reused: true,
      bytes_sent: 7,
    }),
  ],
})

t.test('an exchange is a valid archive with an entry for each attempt', t => {
  const har = harOf(repeated, '1.2.3')
  t.strictSame(harFaults(JSON.parse(JSON.stringify(har))), [])
  t.strictSame(
    har.log.entries.map(({ response, startedDateTime }) => [response.status, startedDateTime.slice(17)]),
    [
      [503, '00.000Z'],
      [0, '00.055Z'],
      [200, '00.060Z'],
    ],
  )
  t.match(har.log.entries[0], {
    timings: { blocked: 5, connect: 2, send: 1, wait: 6, receive: 1 },
    response: { headers: [{ name: 'Retry-After', value: '0' }] },
    _why: 'retry-after',
    _wait_ms: 40,
  })
  t.match(har.log.entries[2], { timings: { blocked: -1, connect: 0, send: 1, wait: 9, receive: 5 } })
  t.end()
})

t.test('secrets stay masked in it, and nothing of the daemon but its version is in it', t => {
  const text = JSON.stringify(harOf(repeated, '1.2.3'))
  t.match(text, /"authorization","value":"\[redacted\]"/)
  t.end()
})

t.test('what was refused, answered again, cut off or tunnelled is a valid archive too', t => {
  const rows = [
    exchangeDetail({ attempts: [], status: 503, end: 'breaker_open' }),
    exchangeDetail({ attempts: [], status: 200, end: 'replayed', duration_ms: 0 }),
    exchangeDetail({ status: 0, end: 'client-gone', attempts: [attemptView({ outcome: '', why: '', head_ms: null })] }),
    exchangeDetail({
      method: 'CONNECT',
      mode: 'tunnel',
      url: 'api.test:443',
      attempts: [attemptView({ outcome: 'connected' })],
    }),
  ]
  for (const exchange of rows)
    t.strictSame(harFaults(JSON.parse(JSON.stringify(harOf(exchange, '1')))), [], exchange.url)
  t.end()
})
