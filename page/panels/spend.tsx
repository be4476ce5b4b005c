import type { LimitView } from '../../src/admin/answers.js'
import { formatUnits } from '../../src/x402/amount.js'
import { Bar } from './bar.js'

const WINDOWS = { hour: 'this hour', day: 'this day', total: 'in all' } as const

/** Above this share of a limit somebody should look, of 1. */
const NEARLY = 0.8

export function Spend({ limits }: { readonly limits: readonly LimitView[] }) {
  return (
    <ul class="items">
      {limits.map(limit => (
        <li key={`${limit.wallet} ${limit.window} ${limit.symbol}`}>
          <Limit limit={limit} />
        </li>
      ))}
    </ul>
  )
}

function Limit({ limit: { wallet, window, symbol, decimals, limit, spent } }: { readonly limit: LimitView }) {
  const share = shareOf(BigInt(spent), BigInt(limit))
  const words = `${formatUnits(BigInt(spent), decimals)} of ${formatUnits(BigInt(limit), decimals)} ${symbol}`
  return (
    <>
      <p class="line">
        <b title={wallet}>{wallet}</b>
        <span class="dim">{WINDOWS[window]}</span>
      </p>
      <p class="success wide">
        <Bar label={words} share={share} tone={share >= 1 ? 'bad' : share >= NEARLY ? 'warn' : 'good'} />
        <span class="number">{words}</span>
      </p>
    </>
  )
}

/** To a ten-thousandth: amounts may be longer than a number is exact. */
const shareOf = (spent: bigint, limit: bigint): number =>
  limit === 0n ? 1 : Number((spent * 10_000n) / limit) / 10_000
