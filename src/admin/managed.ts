import type { Config, ListenAddress } from '../config/config.js'
import type { Credentials } from '../credential/credentials.js'
import type { Serving } from '../serving/serving.js'
import type { Store } from '../store/store.js'
import type { Millis } from '../time/units.js'

/** The daemon, as its admin side sees it and what it can tell it to do. */
export type Managed = {
  readonly proxy: readonly ListenAddress[]
  /** `undefined`: the proxy's own. */
  readonly mounts: ListenAddress | undefined
  /** Since it started. */
  readonly uptime: () => Millis
  /** Processes that shall carry requests. */
  readonly workers: () => number
  /** So many of those do not serve. */
  readonly missing: () => number
  readonly serving: Serving
  /** The configuration in force. */
  readonly config: () => Config
  /** What clients of intercepted hosts must trust; `undefined` while nothing is intercepted. */
  readonly caPem: () => string | undefined
  /** `undefined` while no route has one. */
  readonly credentials: () => Credentials | undefined
  /** Where claims and purchases are; `undefined` while no route needs one. */
  readonly stores: () => { readonly claims: Store | undefined; readonly ledger: Store | undefined }
  /** Reads the configuration anew; the whole new one is in force, or the old one (F7). */
  readonly reload: () => Promise<Reloaded>
  /** Stops accepting, and ends the process when all that runs is done. */
  readonly drain: () => void
}

/**
 * @property needsRestart keys that changed and count only from the next start on
 * @property report what is wrong, with its place in the file, and without its lines: they may hold a secret in the wrong
 * place (T8)
 */
export type Reloaded =
  | { readonly ok: true; readonly needsRestart: readonly string[] }
  | { readonly ok: false; readonly report: string }
