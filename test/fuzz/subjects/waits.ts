import { readHint } from '../../../src/http/hint.js'
import { parseHttpDate } from '../../../src/http/http-date.js'
import { parseQuotaReset } from '../../../src/http/quota-reset.js'
import { parseRateLimit } from '../../../src/http/rate-limit.js'
import { parseDelayMillis, parseRetryAfter } from '../../../src/http/retry-after.js'
import { parseMoment } from '../../../src/time/moment.js'
import { parseDuration, parseSize } from '../../../src/time/units.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'

const NOW = Date.UTC(2026, 5, 1, 12)
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const WORDS = [
  '0',
  '1',
  '59',
  '60',
  '61',
  ' ',
  ',',
  ', ',
  ':',
  '-',
  '+',
  '.',
  'GMT',
  'Feb',
  '30',
  '29',
  'e9',
  'Mon',
  's',
  'ms',
  'h',
  '\t',
]

const instant = (dice: Dice): number => dice.between(-2_000_000_000, 4_000_000_000) * 1_000

/** The three spellings of an instant (RFC 9110 §5.6.7), put together from what Date says of it. */
function spellings(at: number): readonly [imf: string, rfc850: string, asctime: string] {
  const imf = new Date(at).toUTCString()
  const [, day = '', month = '', year = '', clock = ''] = /, (\d+) (\w+) (\d+) ([\d:]+)/.exec(imf) ?? []
  const name = DAYS[new Date(at).getUTCDay()] ?? ''
  return [
    imf,
    `${name}, ${day}-${month}-${year.slice(2)} ${clock} GMT`,
    `${name.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${clock} ${year}`,
  ]
}

const isSpan = (span: number | undefined): boolean => span === undefined || (Number.isSafeInteger(span) && span >= 0)

const dates: Subject = {
  parser: 'http/http-date.ts parseHttpDate',
  promise: 'reads back the instant in any of the three spellings, and a damaged one as Date reads it or not at all',
  weight: 6,
  run: dice => {
    const at = instant(dice)
    const [imf, rfc850, asctime] = spellings(at)
    if (parseHttpDate(imf, NOW) !== at || parseHttpDate(asctime, NOW) !== at) return wrongly([imf, asctime], at)
    const near = Math.abs(at - NOW) < 49 * 365 * 86_400_000
    if (near && parseHttpDate(rfc850, NOW) !== at) return wrongly(rfc850, at)
    const text = dice.mutate(dice.pick([imf, rfc850, asctime]), WORDS)
    const read = parseHttpDate(text, NOW)
    if (read === undefined) return undefined
    // Date has no leap seconds, and takes two-digit years to be of another century.
    const isOdd = /:60/.test(text) || /^[A-Z][a-z]+, \d\d-/.test(text) || / 00\d\d(?: |$)/.test(text)
    const byDate = Date.parse(/GMT$/.test(text) ? text : `${text} GMT`)
    return Number.isSafeInteger(read) && (isOdd || read === byDate) ? undefined : wrongly(text, read, byDate)
  },
}

const retryAfter: Subject = {
  parser: 'http/retry-after.ts parseRetryAfter parseDelayMillis',
  promise:
    'waits the seconds or until the date that were written, the longest of a list, and never a negative or endless time',
  weight: 5,
  run: dice => {
    const delay = dice.below(100_000)
    const at = Math.floor(instant(dice) / 1_000) * 1_000
    const list = `${delay}, ${new Date(at).toUTCString()}`
    const wanted = Math.max(delay * 1_000, at - NOW, 0)
    if (parseRetryAfter(String(delay), NOW) !== delay * 1_000) return wrongly(delay)
    if (parseRetryAfter(list, NOW) !== wanted) return wrongly(list, parseRetryAfter(list, NOW))
    if (parseDelayMillis(` ${delay} `) !== delay) return wrongly(delay)
    const text = dice.from([list, '120', '1.5', '0', spellings(at)[1], '1e9', '9'.repeat(400)], WORDS)
    const spans = [parseRetryAfter(text, NOW), parseDelayMillis(text)]
    if (!spans.every(isSpan)) return wrongly(text, spans)
    return /\d/.test(text) || spans.every(span => span === undefined) ? undefined : wrongly(text, spans)
  },
}

const rateLimit: Subject = {
  parser: 'http/rate-limit.ts parseRateLimit',
  promise: 'waits for the last reset among the quotas that are used up, and never a negative or endless time',
  weight: 2,
  run: dice => {
    const quotas = dice.list(4, () => ({ r: dice.below(3), t: dice.below(1_000) }), 1)
    const value = quotas.map(({ r, t }, i) => `"q${i}";r=${r};t=${t}`).join(', ')
    const used = quotas.filter(({ r }) => r === 0).map(({ t }) => t * 1_000)
    const wanted = used.length === 0 ? 'none' : Math.max(...used)
    if (parseRateLimit(value) !== wanted) return wrongly(value, parseRateLimit(value), wanted)
    const text = dice.mutate(dice.pick([value, 'limit=9, remaining=0, reset=30']), [
      '"',
      ';',
      '=',
      'r=0',
      't=',
      '-1',
      '1.5',
      '?1',
      ':',
      '(',
      ')',
      ',',
    ])
    const span = parseRateLimit(text)
    return span === 'none' || isSpan(span) ? undefined : wrongly(text, span)
  },
}

const GO_UNITS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

const quotaReset: Subject = {
  parser: 'http/quota-reset.ts parseQuotaReset',
  promise: 'waits until the instant, or for the sum of the parts, that was written in any vendor form',
  weight: 3,
  run: dice => {
    const at = NOW + dice.below(1e9)
    const zone = dice.pick([0, 90, -330])
    const shown = `${zone < 0 ? '-' : '+'}${String(Math.floor(Math.abs(zone) / 60)).padStart(2, '0')}:${String(Math.abs(zone) % 60).padStart(2, '0')}`
    const iso = new Date(at + zone * 60_000).toISOString().replace('Z', shown)
    if (parseQuotaReset(iso, NOW) !== at - NOW) return wrongly(iso, parseQuotaReset(iso, NOW))
    const parts = (['h', 'm', 's', 'ms'] as const)
      .filter(() => dice.chance(0.5))
      .map(unit => ({ unit, count: dice.below(100) }))
    const go = parts.map(({ unit, count }) => `${count}${unit}`).join('')
    const sum = parts.reduce((total, { unit, count }) => total + count * GO_UNITS[unit], 0)
    if (go !== '' && parseQuotaReset(go, NOW) !== sum) return wrongly(go, parseQuotaReset(go, NOW))
    const text = dice.from(
      [iso, go, String(Math.floor(at / 1_000)), String(at), '7.66s', '1e400'],
      [...WORDS, 'T', 'Z', 'µs', 'ns'],
    )
    return isSpan(parseQuotaReset(text, NOW)) ? undefined : wrongly(text, parseQuotaReset(text, NOW))
  },
}

const NAMES = [
  'Retry-After',
  'retry-after-ms',
  'x-should-retry',
  'RateLimit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Date',
  'grpc-retry-pushback-ms',
  'x-r',
]

const hints: Subject = {
  parser: 'http/hint.ts readHint',
  promise: 'is a veto, a finite wait that is not negative, or nothing',
  weight: 3,
  run: dice => {
    const value = () =>
      dice.from(['0', '1', 'false', 'true', '"q";r=0;t=5', new Date(instant(dice)).toUTCString(), '-1', '2s'], WORDS)
    const fields = dice.list(5, () => [dice.pick(NAMES), value()]).flat()
    const hint = readHint(fields, NOW, [{ remaining: 'x-r', reset: 'ratelimit-reset' }])
    return hint.kind !== 'wait' || isSpan(hint.wait) ? undefined : wrongly(fields, hint)
  },
}

const FACTORS = { ms: 1n, s: 1_000n, m: 60_000n, h: 3_600_000n, d: 86_400_000n } as const
const SIZES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

const units: Subject = {
  parser: 'time/units.ts parseDuration parseSize',
  promise: 'is the count times the unit, in exact arithmetic, and nothing for any other text',
  weight: 3,
  run: dice => {
    const count = dice.below(1_000_000)
    const unit = dice.pick(['ms', 's', 'm', 'h', 'd'] as const)
    if (parseDuration(`${count}${unit}`) !== Number(BigInt(count) * FACTORS[unit])) return wrongly(`${count}${unit}`)
    const size = dice.pick(['B', 'KiB', 'MiB', 'GiB'] as const)
    if (parseSize(`${count}${size}`) !== count * SIZES[size]) return wrongly(`${count}${size}`)
    const text = dice.from(
      [`${count}${unit}`, `${count}.5${unit}`, `${count}${size}`],
      [...WORDS, 'KB', 'kib', 'µs', '\n'],
    )
    const span = parseDuration(text)
    const bytes = parseSize(text)
    if (span !== undefined && !(/^[\d.]+(?:ms|[smhd])$/.test(text) && span >= 0)) return wrongly(text, span)
    return bytes === undefined || /^\d+(?:[KMG]i)?B$/.test(text) ? undefined : wrongly(text, bytes)
  },
}

const moments: Subject = {
  parser: 'time/moment.ts parseMoment',
  promise: 'is the instant that Date reads, or so long ago, and a finite number or nothing',
  weight: 1,
  run: dice => {
    const at = Math.abs(instant(dice))
    const iso = new Date(at).toISOString()
    if (parseMoment(iso, NOW) !== at || parseMoment('24h', NOW) !== NOW - 86_400_000)
      return wrongly(iso, parseMoment(iso, NOW))
    const text = dice.from([iso, iso.slice(0, 10), '24h'], [...WORDS, 'T', 'Z'])
    const read = parseMoment(text, NOW)
    return read === undefined || Number.isFinite(read) ? undefined : wrongly(text, read)
  },
}

export const WAITS: readonly Subject[] = [dates, retryAfter, rateLimit, quotaReset, hints, units, moments]
