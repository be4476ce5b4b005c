import type { CommandIo, Output } from './command.js'

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Colours a text, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string

const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

/** Colour only on a terminal, and never when `NO_COLOR` is set to anything (no-color.org). */
export function createPaint(output: Output, env: CommandIo['env']): Paint {
  if (output.isTTY !== true || env['NO_COLOR'] || env['TERM'] === 'dumb') return (_, text) => text
  return (colour, text) => `\x1b[${CODES[colour][0]}m${text}\x1b[${CODES[colour][1]}m`
}

/** Rows in columns as wide as their widest cell; the last one is not filled up. Colour codes count nothing. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, text] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, shownLength(text))
  }
  const lines = rows.map(row => {
    const cells = row.map(
      (text, i) => text + (i < row.length - 1 ? ' '.repeat((widths[i] ?? 0) - shownLength(text)) : ''),
    )
    return `${indent}${cells.join('  ')}`.trimEnd()
  })
  return `${lines.join('\n')}\n`
}

const shownLength = (text: string): number => text.replaceAll(/\x1b\[\d+m/g, '').length
