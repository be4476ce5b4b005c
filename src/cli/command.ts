/** Where a command reads and writes; tests pass their own. */
export type CommandIo = {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** What a command needs of a stream. */
export type Output = {
  readonly write: (text: string) => unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export type OptionSpec = {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** Stands for the value in the help: `FILE`. */
  readonly value?: string
  readonly help: string
}

export type CommandInput = {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>
  readonly positionals: readonly string[]
  readonly io: CommandIo
}

/** What each `src/cli/<name>.ts` exports. Resolves to the exit code: 0 done, 1 failed, 2 usage or configuration, 3 cannot bind or reach. */
type CommandModule = { readonly run: (input: CommandInput) => Promise<number> }

/** A line of the command table: all the help needs, so that asking for help loads no command. */
export type CommandSpec = {
  readonly name: string
  /** One line for the list. */
  readonly summary: string
  /** What follows the name: `METHOD URL [options]`. */
  readonly usage: string
  /** Lines of help beyond the summary. */
  readonly more?: string
  readonly options: Readonly<Record<string, OptionSpec>>
  /** How many words it takes. */
  readonly words: { readonly least: number; readonly most: number }
  /** Takes the command line of another program, behind `--`: those are its words, and none is read as an option. */
  readonly wraps?: boolean
  readonly load: () => Promise<CommandModule>
}

/** Something the user typed is wrong: printed with a pointer to the help, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The value of a string option; `undefined` when it was not given. */
export function textOption(input: CommandInput, name: string): string | undefined {
  const value = input.values[name]
  return typeof value === 'string' ? value : undefined
}

/** The values of an option that may be repeated. */
export function listOption(input: CommandInput, name: string): string[] {
  const value = input.values[name]
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}
