import { type LoadedConfig, readConfig } from '../config/effective.js'
import { findConfigFile } from '../config/find.js'
import type { Overrides } from '../config/overrides.js'
import { type CommandInput, textOption } from './command.js'

/** What the common flags say over the file. */
export function overridesOf(input: CommandInput): Overrides {
  return {
    listen: textOption(input, 'listen'),
    admin: textOption(input, 'admin'),
    state: textOption(input, 'state'),
    logLevel: textOption(input, 'log-level'),
    logFormat: textOption(input, 'log-format'),
  }
}

/** The configuration that the flags, the environment and the working directory name. @throws ConfigError */
export async function configOf(input: CommandInput): Promise<LoadedConfig> {
  const { env, cwd } = input.io
  return readConfig(findConfigFile(textOption(input, 'config'), env, cwd), env, overridesOf(input))
}
