import { type Entry, type Total, totalsOf } from '../ledger/entry.js'
import type { LedgerView, PaymentView, TotalView } from './answers.js'

/** Amounts as decimal strings in atomic units, `null` where nothing is known. @param entries in any order */
export function ledgerView(entries: readonly Entry[]): LedgerView {
  const sorted = [...entries].sort((a, b) => (a.id < b.id ? -1 : 1))
  return { payments: sorted.map(paymentView), totals: totalsOf(sorted).map(totalView) }
}

const totalView = ({ signed, settled, open, undelivered, ...total }: Total): TotalView => ({
  ...total,
  signed: String(signed),
  settled: String(settled),
  open: String(open),
  undelivered: String(undelivered),
})

/** As above. */
export const paymentView = (entry: Entry): PaymentView => ({
  id: entry.id,
  time: new Date(entry.reservedAt).toISOString(),
  state: entry.state,
  route: entry.route,
  wallet: entry.wallet,
  client: entry.client || null,
  resource: entry.resource,
  network: entry.network,
  asset: entry.asset,
  symbol: entry.symbol,
  decimals: entry.decimals,
  amount: String(entry.amount),
  pay_to: entry.payTo,
  payer: entry.payer || null,
  nonce: entry.nonce || null,
  identifier: entry.identifier || null,
  valid_before: entry.validBefore === 0 ? null : new Date(entry.validBefore * 1_000).toISOString(),
  transaction: entry.transaction || null,
  status: entry.status === 0 ? null : entry.status,
  attempts: entry.attempts,
  proven: entry.proven,
})
