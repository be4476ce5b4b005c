import t from 'tap'
import type { AttemptRecord, ExchangeRecord } from '../../../src/exchange/record.js'
import { exposition } from '../../../src/metrics/exposition.js'
import { Metrics } from '../../../src/metrics/metrics.js'
import { ManualClock } from '../../support/clock.js'
import { readExposition } from '../../support/exposition-reader.js'
import { IDLE } from '../../support/readings.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'

const attempt = (n: number, outcome: string, why: string, wait_ms = 0): AttemptRecord =>
  attemptRecord({ n, outcome, why, wait_ms })

const RECORD = exchangeRecord()

const textOf = (metrics: Metrics) => exposition(metrics.families(IDLE))

const read = (metrics: Metrics) => readExposition(textOf(metrics))

t.test('an exchange is rescued when its client got what the first attempt did not give', t => {
  const rows: [Partial<ExchangeRecord>, number][] = [
    [{}, 0],
    [{ attempts: [attempt(1, '503', 'status', 10), attempt(2, '200', 'final')] }, 1],
    [{ attempts: [attempt(1, '503', 'status', 10), attempt(2, '503', 'attempts-exhausted')], status: 503 }, 0],
    [{ attempts: [attempt(1, '503', 'status', 10), attempt(2, '200', 'final')], end: 'client-gone' }, 0],
    [{ attempts: [attempt(1, '503', 'status', 10), attempt(2, '', '')], status: 0, end: 'client-gone' }, 0],
  ]
  for (const [change, rescued] of rows) {
    const metrics = new Metrics(new ManualClock())
    metrics.exchanged({ ...RECORD, ...change })
    t.equal(read(metrics).value('mulligan_rescued_total', { route: 'api' }), rescued, JSON.stringify(change))
  }
  t.end()
})

t.test('waits are told in seconds under their reason, the queue before the first attempt as cooldown', t => {
  const metrics = new Metrics(new ManualClock())
  const attempts = [
    attempt(1, '429', 'retry-after', 1_500),
    attempt(2, '429', 'retry-after', 500),
    attempt(3, '200', 'final'),
  ]
  metrics.exchanged({ ...RECORD, attempts, queued_ms: 250 })
  const { value } = read(metrics)
  t.equal(value('mulligan_wait_seconds_total', { route: 'api', why: 'retry-after' }), 2)
  t.equal(value('mulligan_wait_seconds_total', { route: 'api', why: 'cooldown' }), 0.25)
  t.equal(value('mulligan_retries_total', { route: 'api', why: 'retry-after' }), 2)
  t.end()
})

t.test('every trouble with the store counts once, whoever had it', t => {
  const metrics = new Metrics(new ManualClock())
  metrics.exchanged({ ...RECORD, attempts: [], status: 503, end: 'store_unavailable', key: 'k' })
  metrics.paid({ exchange: 'a-1', route: 'api', wallet: 'w', what: 'ledger-failed' })
  metrics.storeFailed()
  const { value } = read(metrics)
  t.equal(value('mulligan_store_errors_total'), 3)
  t.equal(value('mulligan_idempotency_total', { route: 'api', result: 'store_unavailable' }), 1)
  t.equal(value('mulligan_payments_total', { route: 'api', result: 'ledger-failed' }), 1)
  t.end()
})

t.test('amounts of any size are told to the last unit', t => {
  const metrics = new Metrics(new ManualClock())
  const units = 10n ** 30n + 1n
  for (const _ of [1, 2]) {
    metrics.paid({ exchange: 'a-1', route: 'api', wallet: 'w', what: 'paid' }, { asset: 'WEI', units })
  }
  t.match(textOf(metrics), `mulligan_spend_units_total{wallet="w",asset="WEI"} ${2n * units}\n`)
  t.end()
})

t.test('reloads that bring new names for ever make 1,001 routes at most, and lose no request', t => {
  const metrics = new Metrics(new ManualClock())
  for (let i = 0; i < 3_000; i++) metrics.exchanged({ ...RECORD, route: `route-${i}` })
  const requests = read(metrics).series.filter(({ name }) => name === 'mulligan_requests_total')
  t.equal(requests.length, 1_001)
  t.equal(
    requests.reduce((sum, { value }) => sum + value, 0),
    3_000,
  )
  t.end()
})

t.test('a hundred thousand strange exchanges of one route make no more series than there are words', t => {
  const metrics = new Metrics(new ManualClock())
  for (let i = 0; i < 100_000; i++) {
    const attempts = [attempt(1, String(i % 1_000), `why-${i}`, 1), attempt(2, `fault-${i}`, 'final')]
    metrics.exchanged({ ...RECORD, method: `M${i}`, status: i % 1_000, host: `h${i}.test`, path: `/${i}`, attempts })
  }
  const { series } = read(metrics)
  t.ok(series.length < 300, `${series.length} series`)
  t.end()
})
