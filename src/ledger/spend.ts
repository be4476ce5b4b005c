import type { WalletLimits } from '../x402/policy.js'

/**
 * What a wallet has spent, in atomic units, by name: `pending/<symbol>` is reserved and not signed yet, `total/<symbol>`
 * was signed ever, `hour/<n>/<symbol>` and `day/<n>/<symbol>` in that hour or day (UTC, counted from 1970). Payments are
 * counted as `pending` and `minute/<n>`. A name that is missing is zero.
 */
export type Spend = ReadonlyMap<string, bigint>

/** What one payment takes from its wallet. */
export type Cost = { readonly symbol: string; readonly amount: bigint }

export type Window = 'per_minute' | 'per_hour' | 'per_day' | 'total'

export type Overrun = { readonly window: Window; readonly limit: bigint; readonly spent: bigint }

const SPANS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const
/** Of each kind, as many are kept: those nearest to now: a clock may be set back. */
const KEPT = { minute: 64, hour: 48, day: 16 } as const

type Span = keyof typeof SPANS

/** A clock that was set back by no more opens no window again; by more, it was wrong before. */
const SET_BACK = 2 * SPANS.day

const indexAt = (span: Span, at: number): number => Math.floor(at / SPANS[span])

/** Why there is no room; `undefined` when there is. What is reserved counts in every window it may be signed in (P3). */
export function overrun(
  spend: Spend,
  { symbol, amount }: Cost,
  limits: WalletLimits,
  now: number,
): Overrun | undefined {
  const pending = spend.get(`pending/${symbol}`) ?? 0n
  const rows: readonly [Window, bigint | undefined, Span | 'total'][] = [
    ['per_minute', limits.per_minute === undefined ? undefined : BigInt(limits.per_minute), 'minute'],
    ['per_hour', of(limits.per_hour, symbol), 'hour'],
    ['per_day', of(limits.per_day, symbol), 'day'],
    ['total', of(limits.total, symbol), 'total'],
  ]
  for (const [window, limit, span] of rows) {
    if (limit === undefined) continue
    const isCount = window === 'per_minute'
    const spent = signedIn(spend, span, symbol, now) + (isCount ? (spend.get('pending') ?? 0n) : pending)
    if (spent + (isCount ? 1n : amount) > limit) return { window, limit, spent }
  }
  return undefined
}

/** What counts against the limit of a window now: what was signed in it, and what is reserved. */
export function spentIn(spend: Spend, window: 'hour' | 'day' | 'total', symbol: string, now: number): bigint {
  return signedIn(spend, window, symbol, now) + (spend.get(`pending/${symbol}`) ?? 0n)
}

/**
 * What was signed in the window of now. After a clock was set back the fullest of the windows that it had reached counts
 * with it: a window that was left stays shut, and none that the clock had not been in opens in its place (F27).
 */
function signedIn(spend: Spend, span: Span | 'total', symbol: string, now: number): bigint {
  if (span === 'total') return spend.get(`total/${symbol}`) ?? 0n
  const here = indexAt(span, now)
  const reached = indexAt(span, now + SET_BACK)
  let later = 0n
  for (const [name, units] of spend) {
    const index = name.startsWith(span) ? indexIn(name) : here
    const isLater = index > here && index <= reached && name === nameAt(span, index, symbol)
    if (isLater && units > later) later = units
  }
  return (spend.get(nameAt(span, here, symbol)) ?? 0n) + later
}

const of = (amounts: Readonly<Record<string, bigint>>, symbol: string): bigint | undefined =>
  Object.hasOwn(amounts, symbol) ? amounts[symbol] : undefined

const nameAt = (span: Span, index: number, symbol: string): string =>
  span === 'minute' ? `minute/${index}` : `${span}/${index}/${symbol}`

/** Room is kept for one payment. */
export const reserveIn = (spend: Spend, { symbol, amount }: Cost): Spend =>
  changed(spend, [
    ['pending', 1n],
    [`pending/${symbol}`, amount],
  ])

/** The room is given back: nothing was signed. */
export const unreserveIn = (spend: Spend, { symbol, amount }: Cost): Spend =>
  changed(spend, [
    ['pending', -1n],
    [`pending/${symbol}`, -amount],
  ])

/** What was reserved is signed now: it counts from here on, in the windows of this instant. */
export function signIn(spend: Spend, cost: Cost, now: number): Spend {
  return pruned(changed(unreserveIn(spend, cost), signedNames(cost, now)), now)
}

/** What was signed then is proven never to be cashed. */
export function giveBackIn(spend: Spend, cost: Cost, signedAt: number): Spend {
  return changed(
    spend,
    signedNames(cost, signedAt).map(([name, units]) => [name, -units]),
  )
}

const signedNames = ({ symbol, amount }: Cost, at: number): [string, bigint][] => [
  [nameAt('minute', indexAt('minute', at), symbol), 1n],
  [nameAt('hour', indexAt('hour', at), symbol), amount],
  [nameAt('day', indexAt('day', at), symbol), amount],
  [`total/${symbol}`, amount],
]

/** Never below zero: a window that is long over may have been forgotten. */
function changed(spend: Spend, changes: readonly (readonly [name: string, units: bigint])[]): Spend {
  const next = new Map(spend)
  for (const [name, units] of changes) {
    const sum = (next.get(name) ?? 0n) + units
    if (sum > 0n) next.set(name, sum)
    else next.delete(name)
  }
  return next
}

function pruned(spend: Spend, now: number): Spend {
  const dropped = (['minute', 'hour', 'day'] as const).flatMap(span => {
    const here = indexAt(span, now)
    const indexes = [...new Set([...spend.keys()].filter(name => name.startsWith(`${span}/`)).map(indexIn))]
    const far = indexes.sort((a, b) => Math.abs(a - here) - Math.abs(b - here)).slice(KEPT[span])
    return far.map(index => `${span}/${index}`)
  })
  if (dropped.length === 0) return spend
  return new Map([...spend].filter(([name]) => !dropped.includes(name.split('/', 2).join('/'))))
}

const indexIn = (name: string): number => Number(name.split('/')[1])

export const encodeSpend = (spend: Spend): Buffer =>
  Buffer.from(JSON.stringify([...spend].map(([name, units]) => [name, String(units)])))

/** `undefined` when it is none of ours: then nothing may be spent. */
export function decodeSpend(value: Buffer | undefined): Spend | undefined {
  if (value === undefined) return new Map()
  try {
    const rows: unknown = JSON.parse(value.toString())
    return Array.isArray(rows) && rows.every(isRow)
      ? new Map(rows.map(([name, units]) => [name, BigInt(units)]))
      : undefined
  } catch {
    return undefined
  }
}

const isRow = (row: unknown): row is [string, string] =>
  Array.isArray(row) && row.length === 2 && typeof row[0] === 'string' && /^\d+$/.test(String(row[1]))
