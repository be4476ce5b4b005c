import type { Route } from '../config/config.js'
import { formatMillis } from '../time/units.js'
import { formatUnits } from '../x402/amount.js'
import type { PaymentPolicy } from '../x402/policy.js'

/** What `payment` of a route says; nothing where a 402 goes to the client. */
export function paymentRows({ payment }: Route): [name: string, says: string][] {
  if (payment === undefined) return []
  const { wallet, chains, max_timeout, when_longer, pay_to } = payment
  const longer = when_longer === 'clamp' ? 'offers of longer ones too' : 'no offer of a longer one'
  const whom = pay_to.length === 0 ? "each origin's first recipient" : pay_to.join(', ')
  return [
    ['payment', `a 402 by wallet ${wallet} on ${chains.join(', ')}: at most ${describeMost(payment)} for one request`],
    ['', `to ${whom}; good for up to ${formatMillis(max_timeout)}, ${longer}`],
  ]
}

function describeMost({ max, assets }: PaymentPolicy): string {
  const amounts = Object.entries(max).map(([symbol, units]) => {
    const decimals = assets.find(asset => asset.symbol === symbol)?.decimals ?? 0
    return `${formatUnits(units, decimals)} ${symbol}`
  })
  return amounts.join(' or ')
}
