import fc from 'fast-check'
import t from 'tap'
import { parseHttpDate } from '../../../src/http/http-date.js'
import { holds } from '../../support/property.js'

const NOW = Date.UTC(2026, 0, 1)

t.test('R5: the three forms of RFC 9110 §5.6.7 name the same instant', t => {
  const instant = Date.UTC(1994, 10, 6, 8, 49, 37)
  t.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', NOW), instant, 'IMF-fixdate')
  t.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', NOW), instant, 'RFC 850')
  t.equal(parseHttpDate('Sun Nov  6 08:49:37 1994', NOW), instant, 'asctime')
  t.end()
})

t.test('R5: what is no HTTP-date is undefined', t => {
  const rows = [
    '',
    'soon',
    '0',
    'sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    'Sun,06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Wed, 29 Feb 2023 00:00:00 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 31-Feb-94 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov  6 08:49:37 1994 GMT',
    'Xxx, 06 Nov 1994 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
  ]
  for (const row of rows) t.equal(parseHttpDate(row, NOW), undefined, JSON.stringify(row))
  t.end()
})

t.test('R5: calendar corners are real days', t => {
  const rows: [string, number][] = [
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
    ['Mon, 01 Jan 0094 00:00:00 GMT', new Date('0094-01-01T00:00:00Z').getTime()],
    ['Sun Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    // The day's name is not checked: servers that compute it wrongly still mean the date.
    ['Mon, 06 Nov 1994 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
  ]
  for (const [text, instant] of rows) t.equal(parseHttpDate(text, NOW), instant, text)
  t.end()
})

t.test('R5: a two-digit year is never more than 50 years ahead (RFC 9110 §5.6.7)', t => {
  const rows: [string, number, number][] = [
    ['Thursday, 01-Jan-26 00:00:00 GMT', NOW, Date.UTC(2026, 0, 1)],
    ['Thursday, 01-Jan-70 00:00:00 GMT', NOW, Date.UTC(2070, 0, 1)],
    ['Wednesday, 01-Jan-76 00:00:00 GMT', NOW, Date.UTC(2076, 0, 1)],
    ['Wednesday, 01-Jan-76 00:00:01 GMT', NOW, Date.UTC(1976, 0, 1, 0, 0, 1)],
    ['Saturday, 01-Jan-77 00:00:00 GMT', NOW, Date.UTC(1977, 0, 1)],
    ['Friday, 01-Jan-99 00:00:00 GMT', NOW, Date.UTC(1999, 0, 1)],
    ['Friday, 01-Jan-10 00:00:00 GMT', Date.UTC(2090, 0, 1), Date.UTC(2110, 0, 1)],
    ['Saturday, 29-Feb-00 00:00:00 GMT', NOW, Date.UTC(2000, 1, 29)],
  ]
  for (const [text, now, instant] of rows) t.equal(parseHttpDate(text, now), instant, text)
  t.end()
})

t.test('R5: every second of four centuries survives being written and read', t => {
  const latest = Date.UTC(2300, 0, 1) / 1_000
  const property = fc.property(fc.integer({ min: Date.UTC(1900, 0, 1) / 1_000, max: latest }), seconds => {
    const date = new Date(seconds * 1_000)
    return parseHttpDate(date.toUTCString(), NOW) === date.getTime()
  })
  holds(t, property)
  t.end()
})

t.test('R5: an RFC 850 date is at most 50 years ahead and less than 51 years past, for any now', t => {
  const day = fc.integer({ min: 1, max: 28 }).map(n => String(n).padStart(2, '0'))
  const year = fc.integer({ min: 0, max: 99 }).map(n => String(n).padStart(2, '0'))
  const now = fc.integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2200, 0, 1) })
  const property = fc.property(day, year, now, (dd, yy, at) => {
    const date = parseHttpDate(`Monday, ${dd}-Jun-${yy} 12:00:00 GMT`, at)
    if (date === undefined) return false
    const ahead = (date - at) / (365.25 * 86_400_000)
    return new Date(date).getUTCFullYear() % 100 === Number(yy) && ahead < 50.01 && ahead > -51
  })
  holds(t, property)
  t.end()
})

t.test('R5: any text is either undefined or a finite instant', t => {
  holds(
    t,
    fc.property(fc.string({ unit: 'binary' }), text => {
      const date = parseHttpDate(text, NOW)
      return date === undefined || Number.isFinite(date)
    }),
  )
  t.end()
})
