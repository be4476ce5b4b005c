import pino from 'pino'
import type { Managed } from '../../src/admin/managed.js'
import { defaultConfig } from '../../src/config/default-config.js'
import type { CredentialStatus, Credentials } from '../../src/credential/credentials.js'
import { NO_LOAD } from '../../src/metrics/load.js'
import type { Serving } from '../../src/serving/serving.js'
import { systemClock } from '../../src/time/clock.js'
import { millis } from '../../src/time/units.js'

/** Nobody reads what is logged. */
export const QUIET_WORLD = { clock: systemClock, logger: pino({ level: 'silent' }) }

/** What serves nothing, and says what `change` has it say. */
export const serving = (change: Partial<Serving> = {}): Serving => ({
  load: async () => NO_LOAD,
  metrics: async () => [],
  counts: async () => new Map(),
  exchanges: async () => [],
  exchange: async () => undefined,
  breakers: async () => [],
  resetBreaker: async () => false,
  watch: () => () => undefined,
  ...change,
})

/** A daemon that runs for 61.5 s and has nothing to do, for its admin side. @param state its directory */
export const managed = (state: string, change: Partial<Managed> = {}): Managed => ({
  proxy: [{ kind: 'tcp', host: '127.0.0.1', port: 8402 }],
  mounts: undefined,
  uptime: () => millis(61_500),
  workers: () => 1,
  missing: () => 0,
  serving: serving(),
  config: () => ({ ...defaultConfig({ HOME: '/home/somebody' }), state }),
  caPem: () => undefined,
  credentials: () => undefined,
  stores: () => ({ claims: undefined, ledger: undefined }),
  reload: async () => ({ ok: true, needsRestart: [] }),
  drain: () => undefined,
  ...change,
})

/** Credentials that are as told, and cannot be renewed. */
export const credentialsThatAre = (statuses: readonly CredentialStatus[]): Credentials =>
  ({ statuses: () => statuses, refresh: async () => false }) as unknown as Credentials
