import { readFileSync, writeFileSync } from 'node:fs'
import { packageRoot } from '../../src/config/package-root.js'
import type { Client, Ready } from './client.js'
import type { Trial } from './trial.js'
import { CELLS, type CellName } from './vendor.js'

/** The part of the page that a test file is responsible for. */
export type Section = 'system' | 'node'

/** A row of the table, cell by cell. */
export type Row = readonly string[]

const PAGE = new URL('docs/clients.md', packageRoot())

const HEAD: Row = ['Client', 'Tested', 'HTTP', 'GET', '503', '429', 'Upload', 'SSE', 'Tunnel', 'Enough for it']
/** `needs` is a column of its own. */
const COLUMNS = CELLS.filter(cell => cell !== 'needs')

/** @param ready nothing when the client was not there */
export function rowOf(client: Client, ready?: Ready, trial?: Trial): Row {
  const result = (cell: CellName): string => {
    if (client.without.includes(cell)) return '-'
    if (trial === undefined) return ''
    const verdict = trial.verdicts.get(cell)
    return verdict === undefined ? 'yes' : `no: ${verdict}`
  }
  const needs = [...client.needs, ...client.runOptions.map(option => `run ${option}`)].map(word => `\`${word}\``)
  const certified = trial?.certificateSeen ? ', compared' : ''
  const cells = COLUMNS.map(cell => (cell === 'tunnel' ? `${result(cell)}${certified}` : result(cell)))
  return [client.name, ready?.version ?? 'not run', trial?.http ?? '', ...cells, needs.join(' ')]
}

const line = (cells: Row): string => `| ${cells.join(' | ')} |`

const markers = (section: Section) =>
  [`<!-- ${section}: written by the tests -->\n`, `<!-- end of ${section} -->`] as const

function parts(section: Section): [before: string, rows: string, after: string] {
  const text = readFileSync(PAGE, 'utf8')
  const [begin, end] = markers(section)
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)]
  if (from < begin.length || to < from) throw new Error(`docs/clients.md has no place for ${section}`)
  return [text.slice(0, from), text.slice(from, to), text.slice(to)]
}

export function writeRows(section: Section, rows: readonly Row[]): void {
  const [before, , after] = parts(section)
  const table = [line(HEAD), line(HEAD.map(() => '---')), ...rows.map(line)].join('\n')
  writeFileSync(PAGE, `${before}\n${table}\n\n${after}`)
}

/** @returns clients that the page lacks, and rows that no client has */
export function checkRows(section: Section, clients: readonly Client[]): string[] {
  const [, rows] = parts(section)
  const written = rows
    .split('\n')
    .filter(row => row.startsWith('| '))
    .slice(2)
    .map(row => row.split(' | ')[0]?.slice(2) ?? '')
  const names = clients.map(({ name }) => name)
  return [...names.filter(name => !written.includes(name)), ...written.filter(name => !names.includes(name))]
}
