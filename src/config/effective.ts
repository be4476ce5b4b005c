import type { Config } from './config.js'
import { defaultConfig, type Env } from './default-config.js'
import { checkListen } from './listen-checks.js'
import { flagFor, type Overrides, override, readOverrides } from './overrides.js'
import { bareProblem, ConfigError, type ConfigProblem } from './problems.js'

export type LoadedConfig = {
  readonly config: Config
  /** Absolute path; `undefined` for the built-in default. */
  readonly file: string | undefined
  readonly warnings: readonly ConfigProblem[]
  /** The text of the file, for `formatProblem`. */
  readonly source: string
}

/**
 * The effective configuration of a file, or of none. Without a file neither the YAML parser nor the schema is loaded.
 * @throws ConfigError with every problem at once.
 */
export async function readConfig(file: string | undefined, env: Env, overrides: Overrides = {}): Promise<LoadedConfig> {
  if (file === undefined) return loadDefault(env, overrides)
  const { loadConfig } = await import('./load.js')
  return loadConfig(file, env, overrides)
}

/** The built-in default under the flags of the command line. @throws ConfigError */
export function loadDefault(env: Env, overrides: Overrides): LoadedConfig {
  const flags = readOverrides(overrides, process.cwd(), env)
  const config = override(defaultConfig(env), flags)
  const found = checkListen(config.listen).map(({ path, message, severity }) => {
    const name = path.join('.')
    return { ...bareProblem(flagFor(name, flags) ?? 'built-in default', message), severity }
  })
  const problems = [...flags.problems, ...found]
  if (problems.some(({ severity }) => severity === 'error')) throw new ConfigError(problems)
  return { config, file: undefined, warnings: problems, source: '' }
}
