import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Env } from './default-config.js'
import { bareProblem, ConfigError } from './problems.js'

/**
 * The configuration file to use: `-c`, `$MULLIGAN_CONFIG`, `./mulligan.yaml`, `$XDG_CONFIG_HOME/mulligan/mulligan.yaml`;
 * `undefined` when there is none, which means the built-in default.
 * @throws ConfigError when a file that was asked for by name does not exist.
 */
export function findConfigFile(flag: string | undefined, env: Env, cwd: string): string | undefined {
  if (flag !== undefined) return existing('--config', flag, cwd)
  const variable = env['MULLIGAN_CONFIG']
  if (variable) return existing('$MULLIGAN_CONFIG', variable, cwd)
  const home = env['HOME']
  const xdg = env['XDG_CONFIG_HOME']
  const folder = xdg?.startsWith('/') ? xdg : home && join(home, '.config')
  const places = [join(cwd, 'mulligan.yaml'), ...(folder ? [join(folder, 'mulligan', 'mulligan.yaml')] : [])]
  return places.find(place => existsSync(place))
}

function existing(who: string, path: string, cwd: string): string {
  const file = resolve(cwd, path)
  if (path !== '' && existsSync(file)) return file
  throw new ConfigError([bareProblem(who, path === '' ? 'names no file' : `there is no file ${file}`)])
}
