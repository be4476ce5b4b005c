import t from 'tap'
import { exchangeDetail, exchangeView } from '../../../src/serving/exchange-view.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'

const WALL = Date.UTC(2026, 0, 31, 12)

t.test('times are told since the exchange began, and what never came as null', t => {
  const refused = attemptRecord({
    outcome: '503',
    why: 'retry-after',
    startedAt: 1_000,
    connectedAt: 1_002.04,
    sentAt: 1_003,
    headAt: 1_010,
    endedAt: 1_010,
    wait_ms: 500,
    refused: ['Retry-After', '1', 'Set-Cookie', 'secret', 'X-RateLimit-Reset', '5', 'Content-Type', 'text/html'],
  })
  const lost = attemptRecord({
    ...{ n: 2, outcome: 'connection_refused', phase: 'connect', why: 'attempts-exhausted' },
    ...{ startedAt: 1_510, connectedAt: 0, sentAt: 0, headAt: 0, endedAt: 1_511 },
  })
  const record = exchangeRecord({
    attempts: [refused, lost],
    startedAt: 999,
    endedAt: 1_512,
    status: 502,
    end: 'reset',
  })
  t.match(exchangeView(record, WALL), {
    time: '2026-01-31T12:00:00.999Z',
    url: 'http://api.test/',
    status: 502,
    end: 'reset',
    key: null,
    duration_ms: 513,
    attempts: [
      {
        ...{ n: 1, phase: null, start_ms: 1, connected_ms: 3, sent_ms: 4, head_ms: 11, end_ms: 11, wait_ms: 500 },
        hints: [
          ['Retry-After', '1'],
          ['X-RateLimit-Reset', '5'],
        ],
      },
      { ...{ n: 2, phase: 'connect', start_ms: 511, connected_ms: null, sent_ms: null, head_ms: null }, hints: [] },
    ],
  })
  t.end()
})

t.test('the url is what was asked of the upstream, and of a tunnel its authority', t => {
  const rows = [
    [exchangeRecord({ scheme: 'https', host: 'a.test:8443', path: '/x' }), 'https://a.test:8443/x'],
    [exchangeRecord({ mode: 'tunnel', method: 'CONNECT', host: 'a.test:443', path: '' }), 'a.test:443'],
    [exchangeRecord({ host: 'a.test', path: '/seen/http://b.test/' }), 'http://a.test/seen/http://b.test/'],
    [exchangeRecord({ mode: 'refused', host: 'a.test', path: 'http://b.test/x' }), 'http://b.test/x'],
    [exchangeRecord({ mode: 'refused', host: '-o/tmp/x', path: 'http://b.test/x' }), 'http://b.test/x'],
    [exchangeRecord({ mode: 'refused', method: 'CONNECT', host: 'a.test:443', path: 'b.test:443' }), 'b.test:443'],
  ] as const
  for (const [record, url] of rows) t.equal(exchangeView(record, WALL).url, url)
  t.end()
})

t.test(
  'T19: of the request fields only the harmless ones are shown, and none that the configuration calls secret',
  t => {
    const fields = [
      'Accept',
      '*/*',
      'authorization',
      'Bearer s',
      'X-Unheard-Of',
      's',
      'User-Agent',
      'curl',
      'Range',
      's',
    ]
    t.strictSame(exchangeDetail(exchangeRecord({ fields }), WALL, ['range']).fields, [
      ['Accept', '*/*'],
      ['authorization', '[redacted]'],
      ['X-Unheard-Of', '[redacted]'],
      ['User-Agent', 'curl'],
      ['Range', '[redacted]'],
    ])
    t.end()
  },
)
