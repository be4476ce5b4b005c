import type { Config } from '../config/config.js'
import type { Credentials, CredentialsWorld } from '../credential/credentials.js'
import type { Refresh } from '../credential/token.js'
import type { OpenIdempotency } from '../exchange/open-idempotency.js'
import type { OpenPayments } from '../exchange/open-payments.js'
import type { MintedKeys } from '../idempotency/minted-keys.js'
import { toAll } from '../log/all-sinks.js'
import type { Log } from '../log/log.js'
import { refreshRecorder } from '../log/refresh-line.js'
import type { Metrics } from '../metrics/metrics.js'
import { systemClock, systemRandom } from '../time/clock.js'

/** What an engine shares with others that serve the same port. */
export type Place = {
  /** What all of them are called in `Via`. */
  readonly pseudonym: string
  /** Where tokens come from, instead of their sources; whoever asks those logs and counts it. */
  readonly openSource: NonNullable<CredentialsWorld['openSource']>
  readonly minted: MintedKeys
}

/** Loaded only where a configuration has credentials. @param onRefresh told of each besides log and metrics */
export async function openCredentials(
  config: Config,
  env: NodeJS.ProcessEnv,
  log: Log,
  metrics: Metrics,
  place?: Place,
  onRefresh?: (refresh: Refresh) => void,
): Promise<Credentials | undefined> {
  if (Object.keys(config.credentials).length === 0) return undefined
  const { Credentials } = await import('../credential/credentials.js')
  return new Credentials(config, {
    env,
    clock: systemClock,
    random: systemRandom,
    onRefresh: place ? () => undefined : toAll(metrics.refreshed, refreshRecorder(log, systemClock), onRefresh),
    openSource: place?.openSource,
    warn: (credential, what) => log.logger.warn({ credential }, what),
  })
}

/** Loaded, and a store opened, only where a route deals in idempotency keys; another store needs a restart. */
export async function openIdempotency(
  config: Config,
  env: NodeJS.ProcessEnv,
  log: Log,
  metrics: Metrics,
  place?: Place,
): Promise<OpenIdempotency | undefined> {
  if (!config.routes.some(route => route.idempotency !== undefined)) return undefined
  const { openIdempotency: open } = await import('../exchange/open-idempotency.js')
  const onLost = (error: Error) => {
    log.logger.error({ error: error.message }, 'the end of a claim could not be stored')
    metrics.storeFailed()
  }
  return open(config, env, onLost, place?.minted)
}

/** Loaded, and wallets opened, only where a route pays. */
export async function openPayments(
  config: Config,
  env: NodeJS.ProcessEnv,
  log: Log,
  metrics: Metrics,
): Promise<OpenPayments | undefined> {
  if (!config.routes.some(route => route.payment !== undefined)) return undefined
  const { openPayments: open } = await import('../exchange/open-payments.js')
  return open(config, env, log.logger, metrics)
}
