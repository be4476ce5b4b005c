import t from 'tap'
import type { Mode } from '../../../src/exchange/record.js'
import { Metrics, withMetrics } from '../../../src/metrics/metrics.js'
import type { Readings } from '../../../src/metrics/readings.js'
import { ManualClock } from '../../support/clock.js'
import { readExposition } from '../../support/exposition-reader.js'

const IDLE: Readings = {
  version: '1.2.3',
  draining: false,
  inflight: 0,
  tunnels: 0,
  clients: 0,
  upstreamConnections: 0,
  bodyMemory: 0,
  credentials: [],
  routes: [],
  healths: [],
  now: 0,
}

const attempt = (n: number, outcome: string, why: string, wait_ms = 0) => ({
  n,
  outcome,
  why,
  wait_ms,
  reused: false,
  bytes_sent: 1,
  startedAt: 0,
  endedAt: 10,
})

const RECORD = {
  id: 'a-1',
  route: 'api',
  mode: 'forward' as Mode,
  method: 'GET',
  host: 'api.test',
  path: '/',
  status: 200,
  end: undefined as string | undefined,
  attempts: [attempt(1, '200', 'final')],
  startedAt: 0,
  queued_ms: 0,
  fields: [],
  key: undefined as string | undefined,
  spend: undefined,
  hints_invalid: undefined,
  bytes_in: 0,
  bytes_out: 0,
}

const read = (metrics: Metrics) => readExposition(metrics.text(IDLE))

t.test('an exchange is rescued when its client got what the first attempt did not give', t => {
  const rows: [Partial<typeof RECORD>, number][] = [
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
  t.match(metrics.text(IDLE), `mulligan_spend_units_total{wallet="w",asset="WEI"} ${2n * units}\n`)
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

t.test('a record goes to the metrics and the log, to the one that is there, or nowhere', t => {
  const told: string[] = []
  const to = (name: string) => (record: string) => void told.push(`${name} ${record}`)
  withMetrics(to('metrics'), to('log'))('a')
  withMetrics(to('metrics'), undefined)?.('b')
  withMetrics(undefined, to('log'))('c')
  t.same(told, ['metrics a', 'log a', 'metrics b', 'log c'])
  t.equal(withMetrics(undefined, undefined), undefined)
  t.end()
})
