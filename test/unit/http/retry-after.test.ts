import t from 'tap'
import { hintMillis, largest, parseDelayMillis, parseRetryAfter } from '../../../src/http/retry-after.js'
import { millis } from '../../../src/time/units.js'
import { START } from '../../support/clock.js'

t.test('R5: Retry-After is seconds or a date, and the larger of two', t => {
  const rows: [string, number | undefined][] = [
    ['3', 3_000],
    ['1.5', 1_500],
    ['1.0001', 1_001],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 9_000],
    ['Wed, 31 Dec 2025 23:59:59 GMT', 0],
    ['Thursday, 01-Jan-26 00:00:09 GMT, 10', 10_000],
    ['10,Thu, 01 Jan 2026 00:00:09 GMT', 10_000],
    ['Thu, 01 Jan 2026 00:00:09 GMT, Thu, 01 Jan 2026 00:00:08 GMT', 9_000],
    ['Thu', undefined],
    ['Thu,', undefined],
    ['Thu,5', undefined],
    ['-1', undefined],
    ['', undefined],
  ]
  for (const [value, wait] of rows) t.equal(parseRetryAfter(value, START), wait, JSON.stringify(value))
  t.end()
})

t.test('R5: a delay in milliseconds is a plain number', t => {
  const rows: [string, number | undefined][] = [
    ['250', 250],
    ['250.1', 251],
    ['1, 9', 9],
    ['-1', undefined],
    ['1e3', undefined],
    ['Thu, 01 Jan 2026 00:00:09 GMT', undefined],
  ]
  for (const [value, wait] of rows) t.equal(parseDelayMillis(value), wait, JSON.stringify(value))
  t.end()
})

t.test('R5: a hint is whole, not negative and finite', t => {
  t.same([-1, 0.2, 7, Infinity].map(hintMillis), [0, 1, 7, 2 ** 52])
  t.equal(largest([undefined, millis(0), undefined]), 0)
  t.equal(largest([]), undefined)
  t.end()
})
