import type { Managed, Reloaded } from './admin/managed.js'
import { type AdminServer, startAdminServer } from './admin/server.js'
import type { LocalCa } from './certificate/local-ca.js'
import type { Config, ListenAddress } from './config/config.js'
import { ConfigError } from './config/problems.js'
import { needsRestart } from './config/restart.js'
import { SecretError } from './config/secret.js'
import { type Engine, startEngine } from './engine.js'
import type { Log } from './log/log.js'
import { systemClock } from './time/clock.js'
import { millis } from './time/units.js'

/** A running daemon: what carries requests, and its admin side. */
export type Daemon = {
  readonly proxy: readonly ListenAddress[]
  readonly mounts: ListenAddress | undefined
  readonly admin: ListenAddress | undefined
  readonly holds: Engine['holds']
  /** The new configuration is in force for the next request; running exchanges finish under theirs (F7). */
  readonly reload: (config: Config) => Promise<void>
  /** Reads the configuration anew, and logs what became of it; one after the other, so what was read last is in force last. */
  readonly reread: () => Promise<Reloaded>
  /** Stops accepting, and resolves when all that runs is done, or cut after `shutdown.drain`; true when nothing was cut. */
  readonly drain: () => Promise<boolean>
}

type Given = {
  /** The authority to vouch with, instead of the one in the state directory. */
  readonly ca?: LocalCa | undefined
  /** Where the configuration comes from, for who asks to reload it. */
  readonly file?: string | undefined
  readonly readConfig?: () => Promise<Config>
  /** Somebody asked the admin side to end the daemon. */
  readonly onDrain?: () => void
}

/** @throws BindError, SecretError, CaError, StoreError, SignerError, ConfigError (a proxy variable), or what reading `egress.ca_file` gives */
export async function startDaemon(
  config: Config,
  env: NodeJS.ProcessEnv,
  log: Log,
  given: Given = {},
): Promise<Daemon> {
  const startedAt = systemClock.monotonic()
  // Several processes are code that most daemons never need.
  const start = config.workers > 1 ? (await import('./workers/primary.js')).startWorkers : startEngine
  const engine = await start(config, env, log, given)
  const reload = async (next: Config): Promise<void> => (await engine.prepare(next)).commit()
  const reread = inTurn(() => rereadConfig(config, env, reload, log, given))
  const managed: Managed = {
    ...engine,
    uptime: () => millis(systemClock.monotonic() - startedAt),
    workers: () => config.workers,
    reload: reread,
    drain: () => given.onDrain?.(),
  }
  const admin = await startAdmin(config, managed, engine, log)
  return {
    proxy: engine.proxy,
    mounts: engine.mounts,
    admin: admin?.address,
    holds: engine.holds,
    reload,
    reread,
    drain: async () => {
      const clean = await engine.drain()
      await admin?.close()
      return clean
    },
  }
}

async function startAdmin(
  { listen }: Config,
  managed: Managed,
  engine: Engine,
  { logger }: Log,
): Promise<AdminServer | undefined> {
  if (listen.admin === undefined) return undefined
  const admin = await startAdminServer(listen.admin, managed, { clock: systemClock, logger })
  engine.addOwn(admin.address)
  return admin
}

/** @param started what the daemon was started with */
async function rereadConfig(
  started: Config,
  env: NodeJS.ProcessEnv,
  reload: (config: Config) => Promise<void>,
  { logger }: Log,
  { file, readConfig }: Given,
): Promise<Reloaded> {
  try {
    if (readConfig === undefined) return { ok: false, report: 'this daemon was not started from a file' }
    const next = await readConfig()
    await reload(next)
    logger.info({ config: file ?? 'built-in default' }, 'reloaded')
    const keys = needsRestart(started, next)
    if (keys.length > 0) logger.warn({ keys }, 'some of the new configuration is in force after a restart only')
    return { ok: true, needsRestart: keys }
  } catch (error) {
    // Without the lines of the file: what is wrong in it may be a secret in the wrong place (T8).
    const report = reportOf(await placed(error, file, env))
    logger.error({ config: file, report }, 'reload refused, the old configuration stays')
    return { ok: false, report }
  }
}

const reportOf = (error: unknown): string => (error instanceof ConfigError ? error.message : String(error))

/** A secret that cannot be read is reported where the file names it. */
async function placed(error: unknown, file: string | undefined, env: NodeJS.ProcessEnv): Promise<unknown> {
  if (!(error instanceof SecretError) || file === undefined) return error
  const { placeSecretError } = await import('./config/secret-place.js')
  return placeSecretError(error, file, env) ?? error
}

/** One call after the other. @param task never rejects */
function inTurn<T>(task: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const mine = last.then(task)
    last = mine
    return mine
  }
}
