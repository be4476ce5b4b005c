import type { StoreSettings } from '../config/config.js'
import type { Env } from '../config/default-config.js'
import type { Clock } from '../time/clock.js'
import { memoryStore } from './memory-store.js'
import type { Store } from './store.js'

export type StoreWorld = {
  /** Directory of the state. */
  readonly state: string
  readonly clock: Clock
  readonly env: Env
  /** A PEM bundle that `rediss://` trusts beside the public roots. */
  readonly caFile?: string | undefined
  /**
   * Which of several: each is a file of its own, or keys of their own in Redis. One whose every update is `flushed` (the
   * ledger) belongs in its own: after a loss of power, what was not flushed may have damaged the file it is in.
   */
  readonly name?: string
}

/** The store of a configuration; what it needs is loaded now. @throws StoreError, SecretError */
export async function openStore(settings: StoreSettings, world: StoreWorld): Promise<Store> {
  const { state, clock, name = 'claims' } = world
  switch (settings.kind) {
    case 'memory':
      return memoryStore(clock)
    case 'embedded': {
      const { embeddedStore } = await import('./embedded-store.js')
      return embeddedStore({ state, name, clock })
    }
    case 'redis': {
      const { redisStore } = await import('./redis-store.js')
      return redisStore(settings, world)
    }
  }
}
