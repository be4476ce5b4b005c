import type { Env } from '../config/default-config.js'
import type { Clock } from '../time/clock.js'
import { type Fetched, type Source, SourceError } from './source.js'
import { asFetched } from './token-text.js'

/** A token in an environment variable. The environment does not change by itself, so every failure is permanent. */
export function envSource(name: string, env: Env, clock: Clock): Source {
  const origin = `environment variable ${name}`
  return { description: origin, fetch: async () => read(env[name], clock.now(), origin) }
}

function read(value: string | undefined, now: number, origin: string): Fetched {
  if (value === undefined) throw new SourceError(`${origin} is not set`, true)
  if (value.trim() === '') throw new SourceError(`${origin} is empty`, true)
  try {
    return asFetched(value, undefined, now, origin)
  } catch (error) {
    throw error instanceof SourceError ? new SourceError(error.message, true) : error
  }
}
