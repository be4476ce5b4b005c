import { markdown } from '../markdown.js'

/** What one part found. @property notes what a reader of it must know */
export type Table = {
  readonly title: string
  readonly notes: readonly string[]
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export const tableText = ({ title, notes, head, rows }: Table): string =>
  [`## ${title}`, '', ...notes, ...(notes.length > 0 ? [''] : []), markdown(head, rows), ''].join('\n')

const KIB = 1_024
const MIB = 1_048_576

export const kib = (bytes: number, digits = 1): string => (bytes / KIB).toFixed(digits)
export const mib = (bytes: number | undefined): string => (bytes === undefined ? '-' : (bytes / MIB).toFixed(0))

/** `10,000` */
export const count = (value: number): string => value.toLocaleString('en-US')
