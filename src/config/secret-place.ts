import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../json/read.js'
import type { SecretRef } from './config.js'
import { absolutePath, type Env } from './default-config.js'
import { readText } from './load.js'
import { ConfigError } from './problems.js'
import type { SecretError } from './secret.js'
import { readYaml } from './yaml-source.js'

/**
 * The same failure at the line and column of the reference in the file; `undefined` where the file has none, or cannot
 * be read any more.
 */
export function placeSecretError(error: SecretError, file: string, env: Env): ConfigError | undefined {
  const { ref, message } = error
  if (ref === undefined) return undefined
  try {
    const text = readText(file)
    const { data, locate } = readYaml(file, text)
    const path = find(data, value => isReference(value, ref, path => absolutePath(path, dirname(file), env)))
    if (path === undefined) return undefined
    const place = { file, ...locate(path, 'value'), path: path.map(String).join('.') }
    return new ConfigError([{ ...place, message, severity: 'error' }], text)
  } catch {
    return undefined
  }
}

function isReference(value: unknown, ref: SecretRef, absolute: (path: string) => string): boolean {
  if (!isObject(value)) return false
  const { file } = value
  return isDeepStrictEqual(typeof file === 'string' ? { ...value, file: absolute(file) } : value, ref)
}

/** The way to the first place for which it holds. */
function find(data: unknown, holds: (value: unknown) => boolean): readonly PropertyKey[] | undefined {
  if (holds(data)) return []
  if (typeof data !== 'object' || data === null) return undefined
  for (const [key, value] of Object.entries(data)) {
    const path = find(value, holds)
    if (path !== undefined) return [Array.isArray(data) ? Number(key) : key, ...path]
  }
  return undefined
}
