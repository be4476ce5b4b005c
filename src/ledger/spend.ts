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

const indexAt = (span: Span, at: number): number => Math.floor(at / SPANS[span])

/** Why there is no room; `undefined` when there is. What is reserved counts in every window it may be signed in (P3). */
export function overrun(
  spend: Spend,
  { symbol, amount }: Cost,
  limits: WalletLimits,
  now: number,
): Overrun | undefined {
  const pending = spend.get(`pending/${symbol}`) ?? 0n
  const rows: readonly [Window, bigint | undefined, string, bigint][] = [
    ['per_minute', limits.per_minute === undefined ? undefined : BigInt(limits.per_minute), minuteAt(now), 0n],
    ['per_hour', of(limits.per_hour, symbol), `hour/${indexAt('hour', now)}/${symbol}`, amount],
    ['per_day', of(limits.per_day, symbol), `day/${indexAt('day', now)}/${symbol}`, amount],
    ['total', of(limits.total, symbol), `total/${symbol}`, amount],
  ]
  for (const [window, limit, name, more] of rows) {
    if (limit === undefined) continue
    const isCount = window === 'per_minute'
    const spent = (spend.get(name) ?? 0n) + (isCount ? (spend.get('pending') ?? 0n) : pending)
    if (spent + (isCount ? 1n : more) > limit) return { window, limit, spent }
  }
  return undefined
}

/** What counts against the limit of a window now: what was signed in it, and what is reserved. */
export function spentIn(spend: Spend, window: 'hour' | 'day' | 'total', symbol: string, now: number): bigint {
  const name = window === 'total' ? `total/${symbol}` : `${window}/${indexAt(window, now)}/${symbol}`
  return (spend.get(name) ?? 0n) + (spend.get(`pending/${symbol}`) ?? 0n)
}

const of = (amounts: Readonly<Record<string, bigint>>, symbol: string): bigint | undefined =>
  Object.hasOwn(amounts, symbol) ? amounts[symbol] : undefined

const minuteAt = (at: number): string => `minute/${indexAt('minute', at)}`

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
  [minuteAt(at), 1n],
  [`hour/${indexAt('hour', at)}/${symbol}`, amount],
  [`day/${indexAt('day', at)}/${symbol}`, amount],
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
