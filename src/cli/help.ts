import type { CommandSpec, OptionSpec } from './command.js'
import { type Paint, table } from './paint.js'

/** Help for the whole program. */
export function programHelp(commands: readonly CommandSpec[], paint: Paint): string {
  return `${paint('bold', 'mulligan')}: a local forward proxy that gives every HTTP request a safe second shot.

${paint('bold', 'Usage:')} mulligan COMMAND [options]

${paint('bold', 'Commands:')}
${table(
  commands.map(({ name, summary }) => [paint('cyan', name), summary]),
  '  ',
)}
${paint('bold', 'Options:')}
${table(
  [
    [paint('cyan', '-h, --help'), 'this help; after a command, help for it'],
    [paint('cyan', '-V, --version'), 'the version'],
  ],
  '  ',
)}
Exit codes: 0 done, 1 failed, 2 usage or configuration error, 3 cannot bind or reach.
`
}

/** Help for one command. */
export function commandHelp(command: CommandSpec, paint: Paint): string {
  const options = Object.entries(command.options).map(([name, option]) => [
    paint('cyan', flag(name, option)),
    option.help,
  ])
  const rows = [...options, [paint('cyan', '-h, --help'), 'this help']]
  return `${paint('bold', `mulligan ${command.name}`)}: ${command.summary}.

${paint('bold', 'Usage:')} mulligan ${command.name} ${command.usage}
${command.more === undefined ? '' : `\n${command.more}\n`}
${paint('bold', 'Options:')}
${table(rows, '  ')}`
}

function flag(name: string, { short, value }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}
