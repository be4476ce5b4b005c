import { type Entry, isUndelivered, type Total, totalsOf } from '../ledger/entry.js'
import type { PurchaseState } from '../ledger/purchase-record.js'
import type { Reconciled } from '../ledger/reconcile.js'
import { formatUnits } from '../x402/amount.js'
import { type Paint, table } from './paint.js'

const COLOUR: Readonly<Record<PurchaseState, Parameters<Paint>[0]>> = {
  reserved: 'cyan',
  signed: 'cyan',
  unknown: 'yellow',
  refused_live: 'yellow',
  settled: 'green',
  delivered_unconfirmed: 'green',
  settled_undelivered: 'red',
  settled_late: 'red',
  expired: 'dim',
}

/** For people: a line for each payment, sums below, and loudly what was paid for nothing. */
export function ledgerTable(entries: readonly Entry[], paint: Paint): string {
  if (entries.length === 0) return 'No payments.\n'
  const head = ['time', 'state', 'amount', 'route', 'wallet', 'resource', 'network', 'pay to', 'tries', 'transaction']
  const rows = entries.map(entry => [
    timeOf(entry).slice(0, 19),
    paint(COLOUR[entry.state], entry.state),
    amountOf(entry),
    shown(entry.route),
    shown(entry.wallet),
    shown(entry.resource),
    entry.network,
    shortened(entry.payTo),
    String(entry.attempts),
    entry.transaction === '' ? '-' : shortened(shown(entry.transaction)),
  ])
  return [
    table([head.map(name => paint('dim', name)), ...rows]),
    totalsTable(totalsOf(entries), paint),
    undelivered(entries, paint),
  ].join('\n')
}

function totalsTable(totals: readonly Total[], paint: Paint): string {
  const head = ['route', 'wallet', 'network', 'payments', 'signed', 'settled', 'open', 'undelivered']
  const rows = totals.map(({ route, wallet, network, symbol, decimals, payments, ...sums }) => {
    const units = (amount: bigint) => `${formatUnits(amount, decimals)} ${symbol}`
    const lost = sums.undelivered === 0n ? '-' : paint('red', units(sums.undelivered))
    const open = sums.open === 0n ? '-' : paint('yellow', units(sums.open))
    const [signed, settled] = [units(sums.signed), units(sums.settled)]
    return [shown(route), shown(wallet), network, String(payments), signed, settled, open, lost]
  })
  return table([head.map(name => paint('dim', name)), ...rows])
}

function undelivered(entries: readonly Entry[], paint: Paint): string {
  const lost = entries.filter(isUndelivered)
  const open = entries.filter(({ state }) => state === 'unknown' || state === 'delivered_unconfirmed').length
  const hint = open === 0 ? '' : `${open} not confirmed: mulligan ledger reconcile asks the chain.\n`
  if (lost.length === 0) return hint
  const rows = lost.map(entry => [
    timeOf(entry),
    amountOf(entry),
    shown(entry.resource),
    shown(entry.transaction) || shown(entry.nonce),
  ])
  const title = `PAID, NOT DELIVERED: ${lost.length}. Ask the seller, and name the transaction:`
  return `${paint('red', title)}\n${table(rows, '  ')}${hint}`
}

/** For programs: amounts as decimal strings in atomic units, `null` where nothing is known. */
export function ledgerJson(entries: readonly Entry[]): string {
  const totals = totalsOf(entries).map(({ signed, settled, open, undelivered, ...total }) => ({
    ...total,
    signed: String(signed),
    settled: String(settled),
    open: String(open),
    undelivered: String(undelivered),
  }))
  return `${JSON.stringify({ payments: entries.map(toJson), totals }, undefined, 2)}\n`
}

const toJson = (entry: Entry) => ({
  id: entry.id,
  time: timeOf(entry),
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

/** For spreadsheets: RFC 4180, a header line first. */
export function ledgerCsv(entries: readonly Entry[]): string {
  const names = Object.keys(toJson(NOTHING))
  const rows = entries.map(entry => Object.values(toJson(entry)).map(cell).join(','))
  return [names.join(','), ...rows].map(line => `${line}\r\n`).join('')
}

/** A spreadsheet must not take a stranger's text for a formula. */
function cell(value: string | number | boolean | null): string {
  const text = String(value ?? '')
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

const NOTHING: Entry = {
  ...{ id: '', state: 'reserved', purchaseKey: '', route: '', wallet: '', client: '', resource: '', network: '' },
  ...{ asset: '', symbol: '', decimals: 0, amount: 0n, payTo: '', reservedAt: 0, signedAt: 0, endedAt: 0 },
  ...{ nonce: '', payer: '', identifier: '', validBefore: 0, transaction: '', status: 0, attempts: 0, proven: false },
}

const MEANING: Readonly<Record<Reconciled['found'], string>> = {
  confirmed: 'the chain has them, as the ledger said',
  late: 'were taken, and nobody had told us',
  dead: 'were never taken, nor ever will be: they count no more',
  differs: 'moved another amount than was signed: look at the token',
  open: 'may yet be taken: ask again when they have ended',
  running: 'are being presented right now',
}

/** What reconciling one wallet found. */
export function describeReconciled(
  wallet: string,
  { network, results }: { readonly network: string; readonly results: readonly Reconciled[] },
  paint: Paint,
): string {
  if (results.length === 0) return `${wallet} on ${network}: nothing to ask, the ledger is what the chain is\n`
  const kinds = Object.keys(MEANING) as Reconciled['found'][]
  const lines = kinds.flatMap(kind => {
    const some = results.filter(({ found }) => found === kind)
    if (some.length === 0) return []
    const isBad = kind === 'late' || kind === 'differs'
    return [[paint(isBad ? 'red' : 'cyan', String(some.length)), `${kind}: they ${MEANING[kind]}`]]
  })
  return `${wallet} on ${network}\n${table(lines, '  ')}`
}

/** The same for programs. */
export const reconciledJson = (
  wallet: string,
  { network, results }: { readonly network: string; readonly results: readonly Reconciled[] },
): object => ({ wallet, network, results: results.map(({ entry, found }) => ({ found, ...toJson(entry) })) })

const timeOf = ({ reservedAt }: Entry): string => new Date(reservedAt).toISOString()

const amountOf = ({ amount, decimals, symbol }: Entry): string => `${formatUnits(amount, decimals)} ${shown(symbol)}`

const shortened = (hex: string): string => (hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex)

/** Whoever wrote it into the store, the terminal must not act on it. */
const shown = (text: string): string => text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '.')
