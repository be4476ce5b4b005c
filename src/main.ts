import type { Managed, Reloaded } from './admin/managed.js'
import type { AdminServer } from './admin/server.js'
import type { LocalCa } from './certificate/local-ca.js'
import type { Config, ListenAddress } from './config/config.js'
import { ConfigError } from './config/problems.js'
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
  const engine = await startEngine(config, env, log, given)
  const reload = async (next: Config) => (await engine.prepare(next)).commit()
  const reread = inTurn(() => rereadConfig(reload, log, given))
  const { proxy, mounts, serving, caPem, credentials, stores } = engine
  const uptime = () => millis(systemClock.monotonic() - startedAt)
  const drain = () => given.onDrain?.()
  const managed = {
    proxy,
    mounts,
    serving,
    caPem,
    credentials,
    stores,
    config: engine.config,
    uptime,
    reload: reread,
    drain,
  }
  const admin = await startAdmin(config, managed, engine)
  return {
    proxy,
    mounts,
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

/** Fastify is only loaded when there is an admin side. */
async function startAdmin({ listen }: Config, managed: Managed, engine: Engine): Promise<AdminServer | undefined> {
  if (listen.admin === undefined) return undefined
  const { startAdminServer } = await import('./admin/server.js')
  const admin = await startAdminServer(listen.admin, managed)
  engine.addOwn(admin.address)
  return admin
}

async function rereadConfig(
  reload: (config: Config) => Promise<void>,
  { logger }: Log,
  { file, readConfig }: Given,
): Promise<Reloaded> {
  try {
    if (readConfig === undefined) return { ok: false, report: 'this daemon was not started from a file' }
    await reload(await readConfig())
    logger.info({ config: file ?? 'built-in default' }, 'reloaded')
    return { ok: true }
  } catch (error) {
    // Without the lines of the file: what is wrong in it may be a secret in the wrong place (T8).
    const report = error instanceof ConfigError ? error.message : String(error)
    logger.error({ config: file, report }, 'reload refused, the old configuration stays')
    return { ok: false, report }
  }
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
