import { formatUnits } from '../x402/amount.js'
import type { Config, Route } from './config.js'
import { type Finding, warningAt } from './findings.js'

/** Settings of a route that are each allowed, and together do less than they say. */
export function checkMixes(config: Config): Finding[] {
  return config.routes.flatMap((route, index) => [...checkBody(route, index), ...checkReach(route, index, config)])
}

/** Whatever repeats a request needs its body again. */
function checkBody({ body, credential, payment, idempotency }: Route, index: number): Finding[] {
  if (body.memory > 0 || body.spill > 0) return []
  const lost = [
    ...(credential === undefined ? [] : ['repeated with a new token']),
    ...(payment === undefined ? [] : ['paid for']),
    ...(idempotency?.replay === undefined ? [] : ['answered from the replay cache']),
  ]
  if (lost.length === 0) return []
  const message = `nothing of a body is kept, so a request with one is not ${lost.join(', nor ')}; set memory`
  return [warningAt(['routes', index, 'body'], message)]
}

/** One payment must fit into the windows of the wallet. */
function checkReach({ payment }: Route, index: number, { wallets }: Config): Finding[] {
  // An unknown name is a finding of its own.
  const wallet = payment === undefined ? undefined : own(wallets, payment.wallet)
  if (payment === undefined || wallet === undefined) return []
  const { per_hour, per_day, total } = wallet.limits
  return Object.entries({ per_hour, per_day, total }).flatMap(([window, limits]) =>
    payment.assets.flatMap(({ symbol, decimals }, place, assets) => {
      const [most, limit] = [own(payment.max, symbol), own(limits, symbol)]
      const isFirst = assets.findIndex(asset => asset.symbol === symbol) === place
      if (!isFirst || most === undefined || limit === undefined || most <= limit) return []
      const text = (amount: bigint) => `${formatUnits(amount, decimals)} ${symbol}`
      const message = `up to ${text(most)} for one request is more than ${window} of wallet "${payment.wallet}" (${text(limit)}), so such an offer is never paid`
      return [warningAt(['routes', index, 'payment'], message)]
    }),
  )
}

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined
