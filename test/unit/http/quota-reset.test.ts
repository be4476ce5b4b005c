import fc from 'fast-check'
import t from 'tap'
import { parseQuotaReset } from '../../../src/http/quota-reset.js'
import { START } from '../../support/clock.js'
import { holds } from '../../support/property.js'

const NOW_SECONDS = START / 1_000

t.test('R5: a vendor may write its reset in any of these forms', t => {
  const rows: [string, number | undefined][] = [
    ['0', 0],
    ['12', 12_000],
    [' 12.5 ', 12_500],
    ['99999999', 99_999_999_000],
    [`${NOW_SECONDS + 7}`, 7_000],
    [`${NOW_SECONDS + 7}.25`, 7_250],
    [`${START + 7}`, 7],
    [`${NOW_SECONDS - 7}`, 0],
    ['6m0s', 360_000],
    ['1h0m0.5s', 3_600_500],
    ['20ms', 20],
    ['900us', 1],
    ['900\xb5s', 1],
    ['900\xc2\xb5s', 1],
    ['1ns', 1],
    ['0s', 0],
    ['2026-01-01T00:00:05Z', 5_000],
    ['2026-01-01t00:00:05.0009z', 5_001],
    ['2026-01-01 01:00:05+01:00', 5_000],
    ['2026-01-01T00:00:60Z', 60_000],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5_000],
    ['2026-02-29T00:00:00Z', undefined],
    ['2026-01-01T24:00:01Z', undefined],
    ['2026-01-01', undefined],
    ['2026-01-01T00:00:05', undefined],
    ['6 m', undefined],
    ['m', undefined],
    ['5d', undefined],
    ['-5s', undefined],
    ['-5', undefined],
    ['1e9', undefined],
    ['', undefined],
  ]
  for (const [value, wait] of rows) t.equal(parseQuotaReset(value, START), wait, JSON.stringify(value))
  t.end()
})

t.test('R5: every RFC 3339 time of a year reads as its distance, in any zone', t => {
  const ahead = fc.integer({ min: 0, max: 365 * 86_400_000 })
  const property = fc.property(ahead, fc.integer({ min: -720, max: 720 }), (ms, zone) => {
    const local = new Date(START + ms + zone * 60_000).toISOString().slice(0, -1)
    const size = Math.abs(zone)
    const digits = [Math.floor(size / 60), size % 60].map(part => String(part).padStart(2, '0')).join(':')
    return parseQuotaReset(`${local}${zone < 0 ? '-' : '+'}${digits}`, START) === ms
  })
  holds(t, property)
  t.end()
})
