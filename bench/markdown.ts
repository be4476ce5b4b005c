import { readFileSync } from 'node:fs'
import type { Machine, Spread } from './figures.js'

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/** Where the generated part of a page begins and ends. @throws when it has no place for one */
export function placeIn(page: string): readonly [from: number, to: number] {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the page has no ${BEGIN} and ${END}`)
  return [from, to]
}

/** @throws when there is no place for what will have been measured */
export function readPage(file: string): string {
  const page = readFileSync(file, 'utf8')
  placeIn(page)
  return page
}

/** A page with its generated part made anew. */
export function withSection(page: string, section: string): string {
  const [from, to] = placeIn(page)
  return `${page.slice(0, from)}${BEGIN}\n${section}${page.slice(to)}`
}

/** What the figures of a page belong to. */
export function machineLines(machine: Machine): readonly [machine: string, versions: string] {
  const { cpu, cpus, memoryBytes, system, node, versions, date, isPinned } = machine
  const pinned = isPinned ? 'the proxy has cpu 0, load and upstream have cpu 1' : 'nothing is pinned to a cpu'
  const names = [...versions].map(([name, version]) => `${name} ${version}`).join(', ')
  const memory = `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`
  return [`${date}: ${cpu}, ${cpus} cpus, ${memory}, ${system}, Node ${node}; ${pinned}.`, `Versions: ${names}.`]
}

export const fixed = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? '-'
export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

export function spread(found: Spread | undefined, digits: number): string {
  if (found === undefined) return '-'
  return `${found.median.toFixed(digits)} [${found.min.toFixed(digits)}–${found.max.toFixed(digits)}]`
}

/** The first column is words, the others are numbers. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  if (rows.length === 0) return ''
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}
