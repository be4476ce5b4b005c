import type { Config } from '../config/config.js'
import { millis } from '../time/units.js'

/** The configuration as it is for one of so many workers. */
export function shareOf(config: Config, workers: number): Config {
  const { limits, credentials } = config
  return {
    ...config,
    limits: {
      ...limits,
      connections: Math.ceil(limits.connections / workers),
      body_memory_total: Math.floor(limits.body_memory_total / workers),
    },
    // How often a source may be asked is for the primary to say, which knows when a token really came (T4).
    credentials: Object.fromEntries(
      Object.entries(credentials).map(([name, settings]) => [name, { ...settings, min_interval: millis(0) }]),
    ),
  }
}
