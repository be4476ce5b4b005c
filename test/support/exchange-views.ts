import type { AttemptView, ExchangeDetail } from '../../src/serving/views.js'

/** An attempt that was answered 200 after 10 ms; `change` says what was otherwise. */
export const attemptView = (change: Partial<AttemptView> = {}): AttemptView => ({
  n: 1,
  outcome: '200',
  phase: null,
  why: 'final',
  start_ms: 0,
  connected_ms: 2,
  sent_ms: 3,
  head_ms: 9,
  end_ms: 10,
  wait_ms: 0,
  reused: false,
  bytes_sent: 0,
  hints: [],
  ...change,
})

/** A GET that was answered 200 at once, as the admin side tells it; `change` says what was otherwise. */
export const exchangeDetail = (change: Partial<ExchangeDetail> = {}): ExchangeDetail => ({
  id: 'a-1',
  time: '2026-03-01T12:00:00.000Z',
  route: 'api',
  mode: 'forward',
  method: 'GET',
  url: 'http://api.test/items',
  query: false,
  class: 'safe',
  status: 200,
  end: null,
  duration_ms: 10,
  queued_ms: 0,
  overhead_ms: 0,
  bytes_in: 0,
  bytes_out: 2,
  key: null,
  spend: null,
  attempts: [attemptView()],
  fields: [],
  ...change,
})
