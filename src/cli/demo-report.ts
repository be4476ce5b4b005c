import type { Tally } from '../demo/promises.js'
import type { DemoResult, Row } from '../demo/run.js'
import { type Paint, table } from './paint.js'

/** The table a newcomer should understand in ten seconds, and one line of promises. */
export function demoReport({ client, rows, seconds, kept }: DemoResult, paint: Paint): string {
  const head = ['what the API does', 'without', 'with mulligan', 'what mulligan did'].map(text => paint('bold', text))
  const body = rows.map(row => [row.name, without(row, paint), through(row, paint), did(row)])
  const title = `${paint('bold', 'mulligan demo')}: a local API misbehaves; ${client} calls it without mulligan, and with it.`
  return `${title}\n\n${table([head, ...body], '  ')}\n${promises(rows, kept, seconds, paint)}\n`
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

function promises(rows: readonly Row[], kept: boolean, seconds: number, paint: Paint): string {
  const time = paint('dim', `(${seconds.toFixed(1)} s)`)
  if (!kept) {
    const broken = rows.filter(row => !row.through.kept).map(({ name }) => `"${name}"`)
    return `${paint('red', 'A promise was broken')}: ${broken.join(', ')} ${time}`
  }
  const sum = (pick: (tally: Tally) => number) => rows.reduce((total, row) => total + pick(row.through), 0)
  const parts = [
    'whatever could be repeated safely was answered',
    'no request came back before its Retry-After',
    `${sum(tally => tally.orders)} orders, ${sum(tally => tally.duplicates)} duplicates`,
    'every POST in doubt says so',
    'no half answer passed for a whole one',
  ]
  return `${paint('green', 'Every promise held')}: ${parts.join(' · ')} ${time}`
}
