import type { LedgerAnswer, LedgerView, LimitView, PaymentView, TotalView } from '../admin/answers.js'
import { paymentView } from '../admin/ledger-view.js'
import type { Entry } from '../ledger/entry.js'
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

/** What the store has, or the daemon, which knows its limits besides. */
export type Told = LedgerView & Partial<Pick<LedgerAnswer, 'limits'>>

/** For people: a line for each payment, sums below, what the limits leave, and loudly what was paid for nothing. */
export function ledgerTable({ payments, totals, limits = [] }: Told, paint: Paint): string {
  const left = limits.length === 0 ? [] : [limitsTable(limits, paint)]
  if (payments.length === 0) return ['No payments.\n', ...left].join('\n')
  const head = ['time', 'state', 'amount', 'route', 'wallet', 'resource', 'network', 'pay to', 'tries', 'transaction']
  const rows = payments.map(payment => [
    payment.time.slice(0, 19),
    paint(COLOUR[payment.state], payment.state),
    amountOf(payment),
    shown(payment.route),
    shown(payment.wallet),
    shown(payment.resource),
    payment.network,
    shortened(payment.pay_to),
    String(payment.attempts),
    payment.transaction === null ? '-' : shortened(shown(payment.transaction)),
  ])
  return [
    table([head.map(name => paint('dim', name)), ...rows]),
    totalsTable(totals, paint),
    ...left,
    undelivered(payments, paint),
  ].join('\n')
}

function totalsTable(totals: readonly TotalView[], paint: Paint): string {
  const head = ['route', 'wallet', 'network', 'payments', 'signed', 'settled', 'open', 'undelivered']
  const rows = totals.map(({ route, wallet, network, symbol, decimals, payments, ...sums }) => {
    const units = (amount: string) => unitsOf(amount, decimals, symbol)
    const lost = sums.undelivered === '0' ? '-' : paint('red', units(sums.undelivered))
    const open = sums.open === '0' ? '-' : paint('yellow', units(sums.open))
    const [signed, settled] = [units(sums.signed), units(sums.settled)]
    return [shown(route), shown(wallet), network, String(payments), signed, settled, open, lost]
  })
  return table([head.map(name => paint('dim', name)), ...rows])
}

/** In the words of the configuration. */
const WINDOWS: Readonly<Record<LimitView['window'], string>> = { hour: 'per_hour', day: 'per_day', total: 'total' }

function limitsTable(limits: readonly LimitView[], paint: Paint): string {
  const head = ['wallet', 'limit', 'spent', 'of'].map(name => paint('dim', name))
  const rows = limits.map(({ wallet, window, symbol, decimals, limit, spent }) => {
    const isFull = BigInt(spent) >= BigInt(limit)
    const text = unitsOf(spent, decimals, symbol)
    return [shown(wallet), WINDOWS[window], isFull ? paint('red', text) : text, unitsOf(limit, decimals, symbol)]
  })
  return table([head, ...rows])
}

function undelivered(payments: readonly PaymentView[], paint: Paint): string {
  const lost = payments.filter(({ state }) => state === 'settled_undelivered' || state === 'settled_late')
  const open = payments.filter(({ state }) => state === 'unknown' || state === 'delivered_unconfirmed').length
  const hint = open === 0 ? '' : `${open} not confirmed: mulligan ledger reconcile asks the chain.\n`
  if (lost.length === 0) return hint
  const rows = lost.map(payment => [
    payment.time,
    amountOf(payment),
    shown(payment.resource),
    shown(payment.transaction ?? payment.nonce ?? ''),
  ])
  const title = `PAID, NOT DELIVERED: ${lost.length}. Ask the seller, and name the transaction:`
  return `${paint('red', title)}\n${table(rows, '  ')}${hint}`
}

/** For programs: as the admin side tells it; the limits are known to the daemon alone. */
export const ledgerJson = (told: Told): string => `${JSON.stringify(told, undefined, 2)}\n`

/** For spreadsheets: RFC 4180, a header line first. */
export function ledgerCsv({ payments }: Told): string {
  const names = Object.keys(paymentView(NOTHING)) as (keyof PaymentView)[]
  const rows = payments.map(payment => names.map(name => cell(payment[name])).join(','))
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
): object => ({ wallet, network, results: results.map(({ entry, found }) => ({ found, ...paymentView(entry) })) })

const amountOf = ({ amount, decimals, symbol }: PaymentView): string => unitsOf(amount, decimals, symbol)

/** @param amount in atomic units, in digits */
const unitsOf = (amount: string, decimals: number, symbol: string): string =>
  `${formatUnits(BigInt(amount), decimals)} ${shown(symbol)}`

const shortened = (hex: string): string => (hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex)

/** Whoever wrote it into the store, the terminal must not act on it. */
const shown = (text: string): string => text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '.')
