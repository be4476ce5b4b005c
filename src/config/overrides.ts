import type { Config, ListenAddress } from './config.js'
import { absolutePath, type Env } from './default-config.js'
import { parseListenAddress } from './listen-address.js'
import { bareProblem, type ConfigProblem } from './problems.js'
import { isWrong } from './wrong.js'

/** What the command line says over the file; `undefined` says nothing. */
export type Overrides = {
  readonly listen?: string | undefined
  readonly admin?: string | undefined
  readonly state?: string | undefined
  readonly logLevel?: string | undefined
  readonly logFormat?: string | undefined
}

export type ReadOverrides = {
  readonly proxy: ListenAddress | undefined
  readonly admin: ListenAddress | 'off' | undefined
  readonly state: string | undefined
  readonly level: Config['log']['level'] | undefined
  readonly format: Config['log']['format'] | undefined
  readonly problems: readonly ConfigProblem[]
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
const FORMATS = ['auto', 'json', 'pretty'] as const

/** Reads the flags; each problem names its flag. */
export function readOverrides(flags: Overrides, folder: string, env: Env): ReadOverrides {
  const problems: ConfigProblem[] = []
  const address = (flag: string, text: string | undefined) => {
    const parsed = text === undefined ? undefined : parseListenAddress(text)
    if (!isWrong(parsed)) return parsed
    problems.push(bareProblem(flag, parsed.wrong))
    return undefined
  }
  const word = <T extends string>(flag: string, text: string | undefined, allowed: readonly T[]) => {
    const found = allowed.find(one => one === text)
    if (text !== undefined && found === undefined) {
      problems.push(bareProblem(flag, `"${text}" is not allowed; one of ${allowed.join(', ')}`))
    }
    return found
  }
  if (flags.state === '') problems.push(bareProblem('--state', 'is empty; a path is needed'))
  return {
    proxy: address('--listen', flags.listen),
    admin: flags.admin === 'off' ? 'off' : address('--admin', flags.admin),
    state: flags.state ? absolutePath(flags.state, folder, env) : undefined,
    level: word('--log-level', flags.logLevel, LEVELS),
    format: word('--log-format', flags.logFormat, FORMATS),
    problems,
  }
}

/** The configuration with what the flags say in place of what the file says. */
export function override(config: Config, flags: ReadOverrides): Config {
  const { listen, log } = config
  const admin = flags.admin === 'off' ? undefined : (flags.admin ?? listen.admin)
  return {
    ...config,
    listen: { ...listen, proxy: flags.proxy ? [flags.proxy] : listen.proxy, admin },
    state: flags.state ?? config.state,
    log: { ...log, level: flags.level ?? log.level, format: flags.format ?? log.format },
  }
}

/** The flag that speaks for a place of the file, if one was given. */
export function flagFor(path: string, flags: ReadOverrides): string | undefined {
  if (flags.proxy !== undefined && /^listen\.proxy\b/.test(path)) return '--listen'
  return flags.admin !== undefined && path === 'listen.admin' ? '--admin' : undefined
}
