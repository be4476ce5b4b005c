import type { Fields } from '../../src/http/fields.js'
import { START } from './clock.js'

/** A wait in milliseconds, as a function of the clock's skew where the answer has no `Date` to correct it. */
type Expected = number | 'invalid' | 'none' | 'veto' | ((skew: number) => number)

export type HintRow = readonly [name: string, fields: Fields, expected: Expected]

/** By the upstream's clock, which says `START` when it answers. */
const at = (seconds: number): string => new Date(START + seconds * 1_000).toUTCString()
const iso = (ms: number): string => new Date(START + ms).toISOString()
const DATE = ['Date', at(0)]
const after = (value: string): Fields => ['Retry-After', value]

/** Vendor pairs as a preset would name them. */
export const RESETS = [
  { remaining: 'x-ratelimit-remaining-requests', reset: 'x-ratelimit-reset-requests' },
  { remaining: 'x-ratelimit-remaining-tokens', reset: 'x-ratelimit-reset-tokens' },
]

const vendor = (requests: string, tokens?: string): Fields => [
  ...['x-ratelimit-remaining-requests', '0', 'x-ratelimit-reset-requests', requests],
  ...(tokens === undefined ? [] : ['x-ratelimit-remaining-tokens', '0', 'x-ratelimit-reset-tokens', tokens]),
]

/** Research on hints, section 2.4, row by row and then some. */
export const HINT_ROWS: readonly HintRow[] = [
  ['no hint', [], 'none'],
  ['zero', after('0'), 0],
  ['seconds', after('120'), 120_000],
  ['seconds with spaces', after(' \t7 '), 7_000],
  ['leading zeros', after('007'), 7_000],
  ['any case of the name', ['RETRY-AFTER', '3'], 3_000],
  ['a fraction', after('1.5'), 1_500],
  ['a fraction is ceiled', after('0.0001'), 1],
  ['empty', after(''), 'invalid'],
  ['only spaces', after('  '), 'invalid'],
  ['only commas', after(',,'), 'invalid'],
  ['negative', after('-5'), 'invalid'],
  ['plus sign', after('+5'), 'invalid'],
  ['a word', after('soon'), 'invalid'],
  ['one unit', after('10s'), 'invalid'],
  ['two units', after('1m0s'), 'invalid'],
  ['NaN', after('NaN'), 'invalid'],
  ['Infinity', after('Infinity'), 'invalid'],
  ['hexadecimal', after('0x10'), 'invalid'],
  ['an exponent', after('1e3'), 'invalid'],
  ['a trailing dot', after('1.'), 'invalid'],
  ['a leading dot', after('.5'), 'invalid'],
  ['two numbers', after('1 2'), 'invalid'],
  ['RFC 3339 is no HTTP-date', after(iso(5_000)), 'invalid'],
  ['milliseconds beyond a timer', after('2592000'), 2_592_000_000],
  ['a number beyond every double', after('9'.repeat(400)), 2 ** 52],
  ['IMF-fixdate', [...DATE, ...after(at(30))], 30_000],
  ['RFC 850', [...DATE, ...after('Thursday, 01-Jan-26 00:00:30 GMT')], 30_000],
  ['asctime', [...DATE, ...after('Thu Jan  1 00:00:30 2026')], 30_000],
  ['leap second', [...DATE, ...after('Thu, 01 Jan 2026 00:00:60 GMT')], 60_000],
  ['the date of now', [...DATE, ...after(at(0))], 0],
  ['a past date', [...DATE, ...after(at(-3_600))], 0],
  [
    'a date years away',
    [...DATE, ...after('Fri, 31 Dec 9999 23:59:59 GMT')],
    Date.UTC(9999, 11, 31, 23, 59, 59) - START,
  ],
  ['a date without GMT', [...DATE, ...after('Thu, 01 Jan 2026 00:00:30')], 'invalid'],
  ['a day that does not exist', [...DATE, ...after('Mon, 30 Feb 2026 00:00:00 GMT')], 'invalid'],
  ['a date by the local clock', after(at(600)), skew => 600_000 - skew],
  ['a date with an insane Date', ['Date', at(-90_000), ...after(at(600))], skew => 600_000 - skew],
  ['a date by the clock of a Date that is a day off', ['Date', at(-90_000), ...after(at(-89_970))], 30_000],
  ['a date of a year ago, by the clock of its Date', ['Date', at(-31_536_000), ...after(at(-31_535_998))], 2_000],
  [
    'a past date by the clock of a Date that is a day off',
    ['Date', at(90_000), ...after(at(89_000))],
    skew => 89_000_000 - skew,
  ],
  ['a date with a malformed Date', ['Date', 'today', ...after(at(600))], skew => 600_000 - skew],
  ['two lines', [...after('1'), ...after('2')], 2_000],
  ['two lines, larger first', [...after('9'), ...after('2')], 9_000],
  ['a list', after('1, 2'), 2_000],
  ['a list with a bad member', after('1, soon'), 1_000],
  ['a list of bad members', after('-1, soon'), 'invalid'],
  ['a date and seconds', [...DATE, ...after(`${at(30)}, 5`)], 30_000],
  ['seconds and a date', [...DATE, ...after(`45, ${at(30)}`)], 45_000],
  ['retry-after-ms', ['retry-after-ms', '1500'], 1_500],
  ['a fraction of a millisecond', ['retry-after-ms', '1500.2'], 1_501],
  ['retry-after-ms before Retry-After', ['retry-after-ms', '40', ...after('9')], 40],
  ['bad retry-after-ms, good Retry-After', ['retry-after-ms', 'x', ...after('9')], 9_000],
  ['bad retry-after-ms alone', ['retry-after-ms', '-1'], 'invalid'],
  ['3.5 days of retry-after-ms', ['retry-after-ms', '302400000'], 302_400_000],
  ['x-ms-retry-after-ms', ['x-ms-retry-after-ms', '250'], 250],
  ['x-amz-retry-after', ['x-amz-retry-after', '700'], 700],
  ['a push-back', ['grpc-retry-pushback-ms', '80'], 80],
  ['a negative push-back', ['grpc-retry-pushback-ms', '-1'], 'veto'],
  ['a malformed push-back', ['grpc-retry-pushback-ms', 'no'], 'veto'],
  ['x-should-retry: false', ['X-Should-Retry', 'false', ...after('1')], 'veto'],
  ['any case of false', ['x-should-retry', ' FALSE '], 'veto'],
  ['stripe-should-retry: false', ['stripe-should-retry', 'false'], 'veto'],
  ['x-should-retry: true is no hint', ['x-should-retry', 'true'], 'none'],
  ['RateLimit exhausted', ['RateLimit', '"default";r=0;t=30'], 30_000],
  ['RateLimit with quota left', ['RateLimit', '"default";r=5;t=30'], 'none'],
  ['RateLimit without t', ['RateLimit', '"default";r=0'], 'none'],
  ['RateLimit with a bad t', ['RateLimit', '"default";r=0;t=-30'], 'invalid'],
  ['several quotas, the exhausted ones count', ['RateLimit', '"m";r=0;t=30, "d";r=0;t=50, "y";r=9;t=99'], 50_000],
  ['RateLimit on two lines', ['RateLimit', '"m";r=0;t=30', 'RateLimit', '"d";r=0;t=40'], 40_000],
  ['RateLimit of draft 7', ['RateLimit', 'limit=9, remaining=0, reset=12'], 12_000],
  ['RateLimit of draft 7 with quota left', ['RateLimit', 'limit=9, remaining=1, reset=12'], 'none'],
  ['malformed RateLimit', ['RateLimit', '"default;r=0'], 'invalid'],
  ['Retry-After before RateLimit', ['RateLimit', '"d";r=0;t=50', ...after('2')], 2_000],
  ['bad Retry-After, good RateLimit', ['RateLimit', '"d";r=0;t=50', ...after('x')], 50_000],
  ['the older triple', ['RateLimit-Remaining', '0', 'RateLimit-Reset', '20'], 20_000],
  ['the older triple with quota left', ['RateLimit-Remaining', '3', 'RateLimit-Reset', '20'], 'none'],
  ['a vendor in Go durations', vendor('6m0s'), 360_000],
  ['a fraction of a Go duration', vendor('7.66s'), 7_660],
  ['Go milliseconds', vendor('120ms'), 120],
  ['Go hours and nanoseconds', vendor('1h2m3.5s4us5ns'), 3_723_501],
  ['the latest of two vendors', vendor('1s', '6m0s'), 360_000],
  ['a vendor in RFC 3339', [...DATE, ...vendor(iso(45_000))], 45_000],
  ['a vendor with an offset', [...DATE, ...vendor('2026-01-01T02:00:45.5+02:00')], 45_500],
  ['a vendor in Unix seconds', [...DATE, ...vendor(String(START / 1_000 + 40))], 40_000],
  ['a vendor in Unix milliseconds', [...DATE, ...vendor(String(START + 4_321))], 4_321],
  ['a vendor in seconds from now', vendor('59'), 59_000],
  ['the largest seconds from now', vendor('99999999'), 99_999_999_000],
  ['a vendor by the clock of a Date that is a day off', ['Date', at(90_000), ...vendor(iso(90_045_000))], 45_000],
  ['a vendor whose reset is past', [...DATE, ...vendor(iso(-1))], 0],
  ['a vendor with quota left', ['x-ratelimit-remaining-requests', '1', 'x-ratelimit-reset-requests', '6m0s'], 'none'],
  ['a vendor without remaining', ['x-ratelimit-reset-requests', '6m0s'], 'none'],
  ['a vendor with nonsense', vendor('tomorrow'), 'invalid'],
  ['one vendor with nonsense', vendor('tomorrow', '2s'), 2_000],
  ['an impossible day', vendor('2026-02-30T00:00:00Z'), 'invalid'],
]
