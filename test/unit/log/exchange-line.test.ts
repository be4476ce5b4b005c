import pino from 'pino'
import t from 'tap'
import type { ExchangeRecord } from '../../../src/exchange/record.js'
import { exchangeLine } from '../../../src/log/exchange-line.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'

const ATTEMPT = attemptRecord({
  outcome: '503',
  why: 'status',
  wait_ms: 12.34,
  reused: true,
  bytes_sent: 110,
  startedAt: 1_000,
  endedAt: 1_002.26,
})

const RECORD = exchangeRecord({
  attempts: [ATTEMPT, { ...ATTEMPT, n: 2, outcome: '200', why: 'final', wait_ms: 0 }],
  startedAt: 1_000,
  endedAt: 1_020,
  queued_ms: 0.5,
  bytes_in: 3,
  bytes_out: 5,
})

/** What pino itself would write of the same. */
function byPino(record: ExchangeRecord): Record<string, unknown> {
  const { attempts, startedAt: _, endedAt: _1, fields: _2, scheme: _3, query: _4, class: _5, ...rest } = record
  let line = ''
  const logger = pino({ base: null, timestamp: () => ',"time":"now"' }, { write: (text: string) => (line += text) })
  const shown = attempts.map(({ n, outcome, why, reused, bytes_sent, startedAt, endedAt, wait_ms }) => ({
    ...{ n, outcome, why, reused, bytes_sent },
    wait_ms: Math.round(wait_ms * 10) / 10,
    took_ms: Math.round((endedAt - startedAt) * 10) / 10,
  }))
  logger.info({ ...rest, attempts: shown, duration_ms: 20, overhead_ms: 2.6 }, 'exchange')
  return JSON.parse(line) as Record<string, unknown>
}

t.test('the line built by hand says what pino would say of the same record', t => {
  const rows: [string, Partial<ExchangeRecord>][] = [
    ['usual', {}],
    ['no attempt', { attempts: [], status: 503, end: 'breaker_open' }],
    ['hints that nobody can read', { hints_invalid: 2 }],
    ['quotes and backslashes', { path: '/a"b\\c', host: '"', method: 'X"' }],
    ['control characters and other scripts', { path: '/\n\u0000\u2028ü', route: 'straße' }],
  ]
  for (const [name, change] of rows) {
    const record = { ...RECORD, ...change }
    const line = exchangeLine(record, 'now')
    t.ok(line.endsWith('}\n') && line.indexOf('\n') === line.length - 1, `${name}: one line`)
    const { overhead_ms: overhead, ...said } = JSON.parse(line) as Record<string, unknown>
    const { overhead_ms: _, ...wanted } = byPino(record)
    t.strictSame(said, wanted, name)
    t.type(overhead, 'number')
  }
  t.end()
})
