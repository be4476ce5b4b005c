import { parseArgs } from 'node:util'
import { CaError } from './certificate/ca-error.js'
import { type CommandInput, type CommandIo, type CommandSpec, UsageError } from './cli/command.js'
import { COMMANDS } from './cli/commands.js'
import { commandHelp, programHelp } from './cli/help.js'
import { createPaint } from './cli/paint.js'
import { nearest } from './config/did-you-mean.js'
import { packageVersion } from './config/package-root.js'
import { ConfigError } from './config/problems.js'
import { StoreError } from './store/store.js'

const processIo: CommandIo = { stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd() }

/** Runs the command line and resolves to the exit code. @param argv without node and script. */
export async function main(argv: readonly string[], io: CommandIo = processIo): Promise<number> {
  const paint = createPaint(io.stdout, io.env)
  try {
    const [word, ...rest] = argv
    if (word === '--version' || word === '-V') return print(io, `${packageVersion()}\n`)
    if (word === '--help' || word === '-h') return print(io, programHelp(COMMANDS, paint))
    if (word === 'help')
      return print(io, rest[0] === undefined ? programHelp(COMMANDS, paint) : commandHelp(find(rest[0]), paint))
    if (word === undefined) {
      io.stderr.write(programHelp(COMMANDS, createPaint(io.stderr, io.env)))
      return 2
    }
    const command = find(word)
    const input = parse(command, rest, io)
    if (input.values['help'] === true) return print(io, commandHelp(command, paint))
    const { run } = await command.load()
    return await run(input)
  } catch (error) {
    return complain(error, argv[0], io)
  }
}

function print(io: CommandIo, text: string): number {
  io.stdout.write(text)
  return 0
}

function find(word: string): CommandSpec {
  const command = COMMANDS.find(({ name }) => name === word)
  if (command !== undefined) return command
  const names = COMMANDS.map(({ name }) => name)
  const near = nearest(word, names)
  const what = word.startsWith('-') ? 'option' : 'command'
  throw new UsageError(`unknown ${what} "${word}"${near === undefined ? '' : `, did you mean "${near}"?`}`)
}

function parse(command: CommandSpec, args: readonly string[], io: CommandIo): CommandInput {
  const options = { ...command.options, help: { type: 'boolean', short: 'h', help: '' } as const }
  const { own, wrapped } = command.wraps === true ? unwrap(command, args) : { own: args, wrapped: undefined }
  const { values, positionals } = readArgs(own, options)
  if (values['help'] !== true && wrapped !== undefined) {
    if (positionals[0] !== undefined) throw new UsageError(`"${positionals[0]}" stands before the --`)
    return { values, positionals: wrapped, io }
  }
  if (values['help'] !== true) {
    const { least, most } = command.words
    if (positionals.length < least)
      throw new UsageError(`${command.name} needs ${command.usage.replace(' [options]', '')}`)
    const extra = positionals[most]
    if (extra !== undefined) throw new UsageError(`"${extra}" is one word too many`)
  }
  return { values, positionals, io }
}

/** What is ours, and the command line behind `--`. */
function unwrap({ name, usage }: CommandSpec, args: readonly string[]) {
  const dashes = args.indexOf('--')
  const own = dashes < 0 ? args : args.slice(0, dashes)
  const wrapped = dashes < 0 ? [] : args.slice(dashes + 1)
  if (wrapped.length === 0 && !own.some(arg => arg === '--help' || arg === '-h'))
    throw new UsageError(`${name} needs a command behind --: mulligan ${name} ${usage}`)
  return { own, wrapped }
}

function readArgs(args: readonly string[], options: Readonly<Record<string, CommandSpec['options'][string]>>) {
  try {
    return parseArgs({ args: [...args], options: parserOptions(options), allowPositionals: true, strict: true })
  } catch (error) {
    const code = (error as { code?: string }).code ?? ''
    if (!code.startsWith('ERR_PARSE_ARGS')) throw error
    const bad = /^Unknown option '(-[^']*)'/.exec((error as Error).message)?.[1]
    throw bad === undefined
      ? new UsageError(firstSentence((error as Error).message))
      : unknownFlag(bad, Object.keys(options))
  }
}

/** Only what `parseArgs` knows. */
function parserOptions(options: Readonly<Record<string, CommandSpec['options'][string]>>) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  )
}

function unknownFlag(flag: string, names: readonly string[]): UsageError {
  const near = flag.startsWith('--') ? nearest(flag.slice(2), names) : undefined
  return new UsageError(`unknown option "${flag}"${near === undefined ? '' : `, did you mean "--${near}"?`}`)
}

const firstSentence = (text: string): string => text.split(/\.\s|\n/)[0] ?? text

/** Configuration and usage errors are the user's to mend: 2; what cannot be reached: 3. Anything else is ours, and shows where: 1. */
function complain(error: unknown, word: string | undefined, io: CommandIo): number {
  const paint = createPaint(io.stderr, io.env)
  if (error instanceof ConfigError) {
    io.stderr.write(`${error.report()}\n`)
    return 2
  }
  if (error instanceof UsageError) {
    const known = COMMANDS.some(({ name }) => name === word)
    io.stderr.write(`${paint('red', 'mulligan')}: ${error.message}\nTry: mulligan ${known ? `${word} ` : ''}--help\n`)
    return 2
  }
  if (error instanceof CaError || error instanceof StoreError) {
    io.stderr.write(`${paint('red', 'mulligan')}: ${error.message}\n`)
    return error instanceof StoreError && error.trouble === 'unreachable' ? 3 : 1
  }
  io.stderr.write(
    `${paint('red', 'mulligan')}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  return 1
}
