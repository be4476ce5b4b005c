import type { WalletSettings } from '../config/wallet.js'
import { spendOf } from '../ledger/change-purchase.js'
import { type Entry, listEntries } from '../ledger/entry.js'
import { spendKey } from '../ledger/purchase-record.js'
import { spentIn } from '../ledger/spend.js'
import type { Store } from '../store/store.js'
import type { Clock } from '../time/clock.js'
import { parseMoment } from '../time/moment.js'
import type { LedgerAnswer, LimitView } from './answers.js'
import type { Asked } from './asked.js'
import { ledgerView } from './ledger-view.js'
import type { Managed } from './managed.js'
import { AdminProblem } from './problem.js'

/** `GET /v1/ledger`. Without a route that pays there is no ledger, and nothing in it. @throws AdminProblem, StoreError */
export async function ledgerAnswer(
  { stores, config }: Managed,
  { since, wallet, route }: Asked<'ledger'>['query'],
  clock: Clock,
): Promise<LedgerAnswer> {
  const now = clock.now()
  const from = since === undefined ? undefined : parseMoment(since, now)
  if (since !== undefined && from === undefined)
    throw new AdminProblem('bad_request', 'since is a time such as 24h, 7d or 2026-01-31')
  const { ledger } = stores()
  if (ledger === undefined) return { ...ledgerView([]), limits: [] }
  const entries: Entry[] = []
  for await (const entry of listEntries(ledger, now, { since: from, wallet, route })) entries.push(entry)
  const wallets = Object.entries(config().wallets).filter(([name]) => wallet === undefined || name === wallet)
  const limits = await Promise.all(wallets.map(([name, settings]) => limitsOf(ledger, name, settings, now)))
  return { ...ledgerView(entries), limits: limits.flat() }
}

async function limitsOf(store: Store, wallet: string, { limits, assets }: WalletSettings, now: number) {
  const spend = spendOf(await store.get(spendKey(wallet)))
  const windows = [
    ['hour', limits.per_hour],
    ['day', limits.per_day],
    ['total', limits.total],
  ] as const
  return windows.flatMap(([window, amounts]) =>
    Object.entries(amounts).map(
      ([symbol, limit]): LimitView => ({
        wallet,
        window,
        symbol,
        decimals: assets.find(asset => asset.symbol === symbol)?.decimals ?? 0,
        limit: String(limit),
        spent: String(spentIn(spend, window, symbol, now)),
      }),
    ),
  )
}
