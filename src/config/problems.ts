/** One thing wrong with a configuration, at its place. `line` and `column` count from 1; 0 means "not in a file". */
export type ConfigProblem = {
  /** The file, or the flag or variable that said it. */
  readonly file: string
  readonly line: number
  readonly column: number
  /** Dotted, such as `routes.0.retry.attempts`; empty for the whole file. */
  readonly path: string
  /** What is wrong and what is allowed. */
  readonly message: string
  readonly severity: 'error' | 'warning'
  /** The line holds a secret: shown up to the colon only. */
  readonly masked?: boolean
}

/** The only way reading a configuration fails: every problem at once, errors and warnings, in file order. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]
  /** The text of the file, for the excerpts; empty when it could not be read. */
  readonly source: string

  constructor(problems: readonly ConfigProblem[], source = '') {
    super(problems.map(headline).join('\n'))
    this.problems = problems
    this.source = source
  }

  /** Every problem with its line and caret, ready for stderr. */
  report(): string {
    return this.problems.map(problem => formatProblem(problem, this.source)).join('\n')
  }
}

/** A problem that stands in no file: a flag, a variable, a path that cannot be read. */
export function bareProblem(file: string, message: string): ConfigProblem {
  return { file, line: 0, column: 0, path: '', message, severity: 'error' }
}

const WIDEST = 160

/** A secret in the line itself, not by reference: whatever is wrong there, the name included, it is not shown. */
const LITERAL_SECRET = /\b\w*(?:passw\w*|sec\w{1,4}|token|key|value|literal)["']?\s*:\s+(?![{[])\S/

/**
 * `FILE:LINE:COL: path.to.key: what is wrong, what is allowed`, then the offending line and a caret under the column.
 * A long line is cut around the caret; control characters are shown as dots, so that a file cannot drive a terminal.
 */
export function formatProblem(problem: ConfigProblem, sourceText: string): string {
  const line = problem.line > 0 ? sourceText.split(/\r?\n/)[problem.line - 1] : undefined
  if (line === undefined) return headline(problem)
  const start = Math.max(0, problem.column - 1 - WIDEST / 2)
  const text = problem.masked || LITERAL_SECRET.test(line) ? line.replace(/:.*/, ': …') : line
  const shown = text
    .slice(start, start + WIDEST)
    .replaceAll(/[\x00-\x1f\x7f-\x9f]/g, char => (char === '\t' ? ' ' : '.'))
  const gutter = `${problem.line} | `
  const caret = `${' '.repeat(gutter.length - 2)}| ${' '.repeat(problem.column - 1 - start)}^`
  return `${headline(problem)}\n${gutter}${shown}\n${caret}`
}

function headline({ file, line, column, path, message, severity }: ConfigProblem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file
  const where = path === '' ? '' : `${path}: `
  return `${place}: ${severity === 'warning' ? 'warning: ' : ''}${where}${message}`
}
