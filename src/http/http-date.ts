const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const CLOCK = '(\\d{2}):(\\d{2}):(\\d{2})'
const MONTH = `(${MONTHS.join('|')})`
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)'

const IMF_FIXDATE = new RegExp(`^${DAY}, (\\d{2}) ${MONTH} (\\d{4}) ${CLOCK} GMT$`)
const RFC_850 = new RegExp(`^${LONG_DAY}, (\\d{2})-${MONTH}-(\\d{2}) ${CLOCK} GMT$`)
const ASCTIME = new RegExp(`^${DAY} ${MONTH} (\\d{2}| \\d) ${CLOCK} (\\d{4})$`)

/**
 * One of the three forms of HTTP-date as Unix milliseconds; `undefined` for anything else (RFC 9110 §5.6.7).
 * Case-sensitive and only real calendar days; the name of the day is redundant, so it is not checked against the date.
 * Second 60 is a leap second and reads as the next minute's first.
 * @param now Unix milliseconds: a two-digit year is the latest one that is not more than 50 years ahead of it.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const imf = IMF_FIXDATE.exec(text)
  if (imf !== null) return instant(Number(imf[3]), imf[2], imf[1], imf.slice(4))
  const asctime = ASCTIME.exec(text)
  if (asctime !== null) return instant(Number(asctime[6]), asctime[1], asctime[2], asctime.slice(3))
  const rfc850 = RFC_850.exec(text)
  if (rfc850 === null) return undefined
  return twoDigitYear(Number(rfc850[3]), now, year => instant(year, rfc850[2], rfc850[1], rfc850.slice(4)))
}

function twoDigitYear(digits: number, now: number, at: (year: number) => number | undefined): number | undefined {
  const limit = new Date(now)
  limit.setUTCFullYear(limit.getUTCFullYear() + 50)
  const last = limit.getUTCFullYear()
  const year = last - ((((last - digits) % 100) + 100) % 100)
  const date = at(year)
  return date === undefined || date <= limit.getTime() ? date : at(year - 100)
}

function instant(year: number, monthName = '', dayText = '', clock: readonly string[] = []): number | undefined {
  const month = MONTHS.indexOf(monthName)
  const day = Number(dayText)
  const [hour = 0, minute = 0, second = 0] = clock.map(Number)
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const date = new Date(0)
  // Date.UTC() would read the years 0 to 99 as 1900 to 1999.
  date.setUTCFullYear(year, month, day)
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined
  return date.setUTCHours(hour, minute, second)
}
