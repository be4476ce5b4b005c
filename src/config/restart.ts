import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.js'

/** What a daemon takes once, when it starts: it is bound, open or sized then. */
const TAKEN_ONCE: Readonly<Record<string, (config: Config) => unknown>> = {
  'listen.proxy': ({ listen }) => listen.proxy,
  'listen.admin': ({ listen }) => listen.admin,
  'listen.mounts': ({ listen }) => listen.mounts,
  state: ({ state }) => state,
  store: ({ store }) => store,
  workers: ({ workers }) => workers,
  'log.level': ({ log }) => log.level,
  'log.format': ({ log }) => log.format,
  'log.redact': ({ log }) => log.redact,
  'limits.connections': ({ limits }) => limits.connections,
  'limits.header_bytes': ({ limits }) => limits.header_bytes,
  'limits.body_memory_total': ({ limits }) => limits.body_memory_total,
}

/** Keys that a reload cannot put in force (F7). @param started what the daemon was started with */
export const needsRestart = (started: Config, next: Config): readonly string[] =>
  Object.entries(TAKEN_ONCE).flatMap(([key, read]) => (isDeepStrictEqual(read(started), read(next)) ? [] : [key]))
