import { CaError } from '../certificate/ca-error.js'
import type { Config } from '../config/config.js'
import { readConfig } from '../config/effective.js'
import { listenUrl } from '../config/listen-address.js'
import { SecretError } from '../config/secret.js'
import { BindError } from '../listener/doors.js'
import { guardProcess } from '../log/guard-process.js'
import { createLog, type Log } from '../log/log.js'
import { type Daemon, startDaemon } from '../main.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { configOf, overridesOf } from './config-flags.js'
import { type Supervisor, supervisorOf } from './supervisor.js'

/** `mulligan start`: the daemon in the foreground until a signal ends it. */
export async function run(input: CommandInput): Promise<number> {
  const readyFd = descriptor(textOption(input, 'ready-fd'))
  const loaded = await configOf(input)
  const log = createLog(loaded.config.log, process.stdout.isTTY === true)
  for (const warning of loaded.warnings)
    log.logger.warn({ file: warning.file, line: warning.line, path: warning.path }, warning.message)
  guardProcess(log)
  const supervisor = supervisorOf(process.env, readyFd, log)
  let askToDrain = () => {}
  const drainAsked = new Promise<void>(resolve => {
    askToDrain = resolve
  })
  try {
    const { file } = loaded
    const daemon = await startDaemon(loaded.config, process.env, log, {
      file,
      readConfig: async () => (await readConfig(file, input.io.env, overridesOf(input))).config,
      onDrain: askToDrain,
    })
    // First: whoever reads that it is ready may signal at once.
    const ended = untilEnd(daemon, log, supervisor, drainAsked)
    announce(daemon, loaded.config, file, log)
    supervisor.ready()
    return await ended
  } catch (error) {
    if (!(error instanceof BindError || error instanceof SecretError || error instanceof CaError)) throw error
    input.io.stderr.write(`mulligan: ${error.message}\n`)
    return error instanceof BindError ? 3 : 2
  } finally {
    await log.flush()
  }
}

function descriptor(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,4}$/.test(text)) throw new UsageError(`--ready-fd takes a file descriptor, not "${text}"`)
  return Number(text)
}

/** The one line a supervisor, a script or a test waits for. */
function announce(daemon: Daemon, config: Config, file: string | undefined, log: Log): void {
  const [proxy, ...more] = daemon.proxy.map(listenUrl)
  const ready = {
    proxy,
    ...(more.length > 0 && { also: more }),
    admin: daemon.admin ? listenUrl(daemon.admin) : 'off',
    ...(daemon.mounts && { mounts: listenUrl(daemon.mounts) }),
    config: file ?? 'built-in default',
    routes: config.routes.length,
    pid: process.pid,
  }
  log.logger.info(ready, 'ready')
  log.sync()
}

/**
 * SIGTERM and SIGINT drain, a second one cuts; SIGHUP reloads (F7). Resolves to the exit code.
 * @param drainAsked by the admin side, which is no signal: a supervisor's own may come after it
 */
function untilEnd(daemon: Daemon, { logger }: Log, supervisor: Supervisor, drainAsked: Promise<void>): Promise<number> {
  return new Promise(resolve => {
    let ending = false
    let signals = 0
    const drain = (asked: { readonly signal: NodeJS.Signals } | { readonly by: 'admin' }) => {
      if (ending) return
      ending = true
      logger.info(asked, 'draining')
      const told = supervisor.stopping()
      daemon.drain().then(
        clean => {
          logger.info({ clean }, 'stopped')
          void told.then(() => resolve(0))
        },
        () => resolve(1),
      )
    }
    const end = (signal: NodeJS.Signals) => {
      signals++
      if (signals > 1) resolve(1)
      else drain({ signal })
    }
    void drainAsked.then(() => drain({ by: 'admin' }))
    process.on('SIGTERM', end)
    process.on('SIGINT', end)
    process.on('SIGHUP', () => {
      supervisor.reloading()
      // Also after a refused one: it serves as before.
      void daemon.reread().then(supervisor.ready)
    })
  })
}
