import pino from 'pino'
import t from 'tap'
import type { Refresh } from '../../../src/credential/token.js'
import type { Log } from '../../../src/log/log.js'
import { refreshRecord, refreshRecorder } from '../../../src/log/refresh-line.js'
import { ManualClock, START } from '../../support/clock.js'

const OK: Refresh = {
  credential: 'vendor',
  reason: 'ahead',
  outcome: 'ok',
  generation: 3,
  print: '1a2b3c4d',
  expiresAt: START + 599_600,
  error: undefined,
  tookMs: 12.345,
  waiters: 7,
}

const FAILED: Refresh = {
  ...OK,
  reason: '401',
  outcome: 'permanent',
  error: 'https://id.example/token says no: invalid_client',
}

t.test('TR-24: a refresh is one record with the generation, the start of the hash, and who waited', t => {
  t.same(refreshRecord(OK, START), {
    credential: 'vendor',
    reason: 'ahead',
    outcome: 'ok',
    generation: 3,
    token: '1a2b3c4d',
    expires_in_s: 600,
    took_ms: 12.3,
    waiters: 7,
    error: undefined,
  })
  t.equal(refreshRecord({ ...OK, expiresAt: undefined }, START)['expires_in_s'], undefined)
  t.end()
})

t.test('a refresh that failed is a warning with its reason', t => {
  const lines: string[] = []
  const logger = pino({ base: null, timestamp: false }, { write: line => lines.push(line) })
  const log: Log = { logger, write: () => undefined, sync: () => undefined, flush: async () => undefined }
  const record = refreshRecorder(log, new ManualClock())
  record(OK)
  record(FAILED)
  const [info, warning] = lines.map(line => JSON.parse(line) as unknown)
  t.match(info, { level: 30, msg: 'refresh', credential: 'vendor', token: '1a2b3c4d', expires_in_s: 600 })
  t.match(warning, { level: 40, msg: 'refresh', reason: '401', outcome: 'permanent', error: FAILED.error })
  t.end()
})
