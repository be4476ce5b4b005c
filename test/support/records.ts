import type { AttemptRecord, ExchangeRecord } from '../../src/exchange/record.js'

/** An attempt that was answered 200 and took 10 ms; `change` says what was otherwise. */
export const attemptRecord = (change: Partial<AttemptRecord> = {}): AttemptRecord => ({
  n: 1,
  outcome: '200',
  phase: undefined,
  why: 'final',
  wait_ms: 0,
  reused: false,
  bytes_sent: 1,
  startedAt: 0,
  connectedAt: 1,
  sentAt: 2,
  headAt: 9,
  endedAt: 10,
  refused: undefined,
  ...change,
})

/** A GET that was answered 200 at once; `change` says what was otherwise. */
export const exchangeRecord = (change: Partial<ExchangeRecord> = {}): ExchangeRecord => ({
  id: 'a-1',
  route: 'api',
  mode: 'forward',
  method: 'GET',
  scheme: 'http',
  host: 'api.test',
  path: '/',
  query: false,
  class: 'safe',
  status: 200,
  end: undefined,
  attempts: [attemptRecord()],
  startedAt: 0,
  endedAt: 10,
  queued_ms: 0,
  fields: [],
  key: undefined,
  spend: undefined,
  hints_invalid: undefined,
  bytes_in: 0,
  bytes_out: 0,
  ...change,
})
