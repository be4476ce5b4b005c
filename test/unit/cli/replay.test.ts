import t from 'tap'
import { replay } from '../../../src/cli/replay.js'
import type { Config } from '../../../src/config/config.js'
import { parseConfig } from '../../../src/config/load.js'
import type { AttemptView, ExchangeDetail } from '../../../src/serving/views.js'

const read = (more: string, above = ''): Config =>
  parseConfig('/etc/m.yaml', `${above}routes: [{ name: a, match: { host: x.example }, ${more} }]`, { HOME: '/' }).config

const tried = (outcome: string, why: string, change: Partial<AttemptView> = {}): AttemptView => ({
  ...{ n: 1, outcome, phase: null, why, start_ms: 0, connected_ms: 1, sent_ms: 2, head_ms: 10, end_ms: 10 },
  ...{ wait_ms: 0, reused: false, bytes_sent: 1, hints: [] },
  ...change,
})

const exchange = (attempts: readonly AttemptView[], change: Partial<ExchangeDetail> = {}): ExchangeDetail => ({
  ...{ id: 'a-1', time: '2026-01-01T00:00:00.000Z', route: 'a', mode: 'forward', method: 'GET' },
  ...{ url: 'http://x.example/', query: false, class: 'safe', status: 200, end: null, duration_ms: 10 },
  ...{ queued_ms: 0, overhead_ms: 0, bytes_in: 0, bytes_out: 0, key: null, spend: null, fields: [] },
  attempts: attempts.map((attempt, index) => ({ ...attempt, n: index + 1 })),
  ...change,
})

const POST = { method: 'POST', class: 'bare' } as const
const fault = (outcome: string, phase: AttemptView['phase'], why: string): AttemptView =>
  tried(outcome, why, { phase, head_ms: null })
const hinted = (status: string, why: string): AttemptView => tried(status, why, { hints: [['retry-after', '2']] })

const DEFAULT = read('tls: auto')
const replayed = (seen: ExchangeDetail, config: Config) => replay(seen, config.routes[0], config)

t.test('each decision that was made under a configuration is made again under the same', t => {
  const cases: [string, ExchangeDetail][] = [
    [
      'a status, then a hint, then an answer',
      exchange([tried('503', 'status'), hinted('429', 'retry-after'), tried('200', 'final')]),
    ],
    ['all tries used', exchange([tried('503', 'status'), tried('503', 'status'), tried('503', 'attempts-exhausted')])],
    ['an empty budget', exchange([tried('503', 'budget-exhausted')])],
    ['a body that was not kept', exchange([tried('503', 'body-not-kept')])],
    ['a reset', exchange([fault('connection_terminated', 'reset', 'network'), tried('200', 'final')])],
    [
      'a stale connection',
      exchange([fault('connection_terminated', 'stale', 'stale-connection'), tried('200', 'final')]),
    ],
    ['a POST that may have acted', exchange([fault('connection_terminated', 'reset', 'unsafe-to-repeat')], POST)],
    [
      'a POST that was never sent',
      exchange([fault('connection_refused', 'connect', 'never-sent'), tried('200', 'final')], POST),
    ],
    ['a hint that does not fit', exchange([tried('503', 'wait-too-long', { hints: [['retry-after', '900']] })])],
    ['a veto', exchange([tried('503', 'veto', { hints: [['x-should-retry', 'false']] })])],
    ['a 404', exchange([tried('404', 'final')])],
  ]
  for (const [name, seen] of cases) {
    const rows = replayed(seen, DEFAULT)
    t.strictSame(
      rows.map(({ same }) => same),
      rows.map(() => true),
      `${name}: ${JSON.stringify(rows)}`,
    )
    t.ok(
      rows.every(({ reason }) => reason !== ''),
      `${name}, in words`,
    )
  }
  t.end()
})

t.test('another configuration is told apart, at the attempt where it decides otherwise', t => {
  const seen = exchange([tried('503', 'status'), tried('503', 'status'), tried('503', 'attempts-exhausted')])
  const off = replayed(seen, read('retry: off'))
  t.match(off[0], { act: 'repeat', same: false, now: { act: 'give-back', why: 'retry-off' } })
  const two = replayed(seen, read('retry: { attempts: 2 }'))
  t.strictSame(
    two.map(({ same, now }) => [same, now?.why]),
    [
      [true, 'status'],
      [false, 'attempts-exhausted'],
      [true, 'attempts-exhausted'],
    ],
  )
  const [third] = replayed(seen, read('retry: { attempts: 5 }')).slice(2)
  t.match(third, { act: 'give-back', same: false, now: { act: 'repeat', why: 'status' } })
  const [cut] = replayed(
    exchange([tried('503', 'status', { head_ms: 5_000 })]),
    read('timeout: { total: 4s, per_try: 1s }'),
  )
  t.match(cut, { same: false, now: { why: 'wait-too-long' } })
  t.end()
})

t.test('a key counts as the route of today says', t => {
  const reset = fault('connection_terminated', 'reset', 'unsafe-to-repeat')
  const keyed = read('retry: { non_idempotent: keyed }, idempotency: { upstream: replay }')
  t.match(replayed(exchange([reset], { ...POST, key: 'abc' }), keyed), [{ same: false, now: { why: 'network' } }])
  t.match(replayed(exchange([reset], POST), keyed), [{ same: true }], 'none was there')
  const minted = read('retry: { non_idempotent: keyed }, idempotency: { upstream: replay, inject: uuid4 }')
  t.match(replayed(exchange([reset], POST), minted), [{ same: false, now: { act: 'repeat', why: 'network' } }])
  t.end()
})

t.test('renewals, payments and answers with an error in their body are told in words, and not guessed at', t => {
  const credential = 'credentials: { c: { source: { env: T } } }\n'
  const renewed = exchange([tried('401', 'token-renewed'), tried('503', 'status'), tried('200', 'final')])
  const same = replayed(renewed, read('credential: c', credential))
  t.match(same, [{ act: 'repeat', reason: 'there is a new token', same: true }, { same: true }, { same: true }])
  t.match(replayed(renewed, DEFAULT), [{ same: false, now: { act: 'give-back', why: 'final' } }])
  const pass = read('credential: c', credential.replace('env: T }', 'env: T }, on_401: pass'))
  t.match(replayed(renewed, pass), [{ same: false, now: { why: 'renewal-off' } }])
  t.match(replayed(exchange([tried('401', 'token-not-at-fault')]), DEFAULT), [
    { act: 'give-back', same: null, now: null },
  ])
  const paid = exchange([tried('402', 'paid'), tried('200', 'final')], { spend: '0.01 USDC' })
  t.match(replayed(paid, DEFAULT), [{ act: 'repeat', same: false, now: { why: 'final' } }, { same: true }])
  const classify = read('classify: [json_rpc]')
  const hidden = exchange([tried('200', 'status'), tried('200', 'final')], { method: 'POST' })
  t.match(replayed(hidden, classify), [{ act: 'repeat', same: null }, { same: true }])
  t.match(replayed(hidden, DEFAULT), [{ same: false, now: { why: 'final' } }, { same: true }], 'nobody reads it here')
  t.match(replayed(exchange([tried('500', 'final')]), classify), [{ same: true }], 'its body said so')
  t.end()
})

t.test('an attempt that ended before anything was decided has no reason', t => {
  const rows = replayed(exchange([tried('503', 'status'), tried('', '')], { status: 0, end: 'client-gone' }), DEFAULT)
  t.match(rows[1], { act: 'none', why: '', reason: '', same: null, now: null })
  t.end()
})

t.test('without a route nothing is repeated', t => {
  const seen = exchange([tried('503', 'status'), tried('200', 'final')])
  t.match(replay(seen, undefined, DEFAULT), [{ same: false, now: { why: 'retry-off' } }, { same: true }])
  t.end()
})
