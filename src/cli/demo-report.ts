import { inTokens } from '../demo/market.js'
import type { Tally } from '../demo/promises.js'
import type { Purchases } from '../demo/purchases.js'
import type { DemoResult, Row } from '../demo/run.js'
import { type Paint, table } from './paint.js'

/** The table a newcomer should understand in ten seconds, and one line of promises. */
export function demoReport(result: DemoResult, paint: Paint): string {
  const { client, rows, purchases } = result
  const head = ['what the API does', 'without', 'with mulligan', 'what mulligan did'].map(text => paint('bold', text))
  const body = [
    ...rows.map(row => [row.name, without(row, paint), through(row, paint), did(row)]),
    ...purchases.map(purchase => [purchase.name, ...pages(purchase, paint), purchase.did]),
  ]
  const title = `${paint('bold', 'mulligan demo')}: a local API misbehaves; ${client} calls it without mulligan, and with it.`
  return `${title}\n\n${table([head, ...body], '  ')}\n${promises(result, paint)}\n`
}

function without({ without: { asked, answered, orders } }: Row, paint: Paint): string {
  const lost = orders > answered ? `, ${orders - answered} unclear` : ''
  return paint(answered === asked ? 'green' : 'red', `${answered} of ${asked}${lost}`)
}

function through({ through: { asked, answered, unknown, kept } }: Row, paint: Paint): string {
  const told = unknown > 0 ? `, ${unknown} "outcome: unknown"` : ''
  const colour = kept ? (answered === asked ? 'green' : 'yellow') : 'red'
  return paint(colour, `${answered} of ${asked}${told}${kept ? '' : ' (promise broken)'}`)
}

const did = ({ did: words, repeats }: Row): string => (repeats === 0 ? words : `repeated ${repeats} ${words}`)

function pages({ asked, without, through, kept }: Purchases, paint: Paint): [without: string, through: string] {
  const colour = kept ? (through === asked ? 'green' : 'yellow') : 'red'
  const told = through < asked ? `, ${asked - through} refused with 402` : ''
  const had = paint(without === asked ? 'green' : 'red', `${without} of ${asked}`)
  return [had, paint(colour, `${through} of ${asked}${kept ? told : ' (promise broken)'}`)]
}

function promises(result: DemoResult, paint: Paint): string {
  const { rows, purchases, kept, seconds } = result
  const time = paint('dim', `(${seconds.toFixed(1)} s)`)
  if (!kept) return `${paint('red', 'A promise was broken')}: ${broken(result).join(', ')} ${time}`
  const sum = (pick: (tally: Tally) => number) => rows.reduce((total, row) => total + pick(row.through), 0)
  const paid = purchases.reduce((total, { payments }) => total + payments, 0)
  const spent = purchases.reduce((total, { spent: units }) => total + BigInt(units), 0n)
  const parts = [
    'whatever could be repeated safely was answered',
    'no request came back before its Retry-After',
    `${sum(tally => tally.orders)} orders, ${sum(tally => tally.duplicates)} duplicates`,
    'every POST in doubt says so',
    'no half answer passed for a whole one',
    `${paid} pages cost ${inTokens(spent)}: paid once each, within the limit, and the ledger says so to the unit`,
  ]
  return `${paint('green', 'Every promise held')}: ${parts.join(' · ')} ${time}`
}

function broken({ rows, purchases, booksAgree }: DemoResult): readonly string[] {
  const named = [...rows.filter(row => !row.through.kept), ...purchases.filter(purchase => !purchase.kept)]
  return [...named.map(({ name }) => `"${name}"`), ...(booksAgree ? [] : ['what the ledger says'])]
}
