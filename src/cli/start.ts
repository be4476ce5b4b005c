import { closeSync, writeSync } from 'node:fs'
import { CaError } from '../certificate/ca-error.js'
import type { Config } from '../config/config.js'
import { readConfig } from '../config/effective.js'
import { listenUrl } from '../config/listen-address.js'
import { SecretError } from '../config/secret.js'
import { BindError } from '../listener/doors.js'
import { bugRecord } from '../log/bug-line.js'
import { createLog, type Log } from '../log/log.js'
import { type Daemon, startDaemon } from '../main.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { configOf, overridesOf } from './config-flags.js'

/** `mulligan start`: the daemon in the foreground until a signal ends it. */
export async function run(input: CommandInput): Promise<number> {
  const readyFd = descriptor(textOption(input, 'ready-fd'))
  const loaded = await configOf(input)
  const log = createLog(loaded.config.log, process.stdout.isTTY === true)
  for (const warning of loaded.warnings)
    log.logger.warn({ file: warning.file, line: warning.line, path: warning.path }, warning.message)
  guardProcess(log)
  try {
    const { file } = loaded
    const daemon = await startDaemon(loaded.config, process.env, log, {
      file,
      readConfig: async () => (await readConfig(file, input.io.env, overridesOf(input))).config,
      onDrain: () => void process.kill(process.pid, 'SIGTERM'),
    })
    // First: whoever reads that it is ready may signal at once.
    const ended = untilSignal(daemon, log)
    announce(daemon, loaded.config, file, log, readyFd)
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
function announce(
  daemon: Daemon,
  config: Config,
  file: string | undefined,
  log: Log,
  readyFd: number | undefined,
): void {
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
  if (readyFd === undefined) return
  try {
    writeSync(readyFd, 'READY=1\n')
    closeSync(readyFd)
  } catch (error) {
    log.logger.warn({ fd: readyFd, error: (error as NodeJS.ErrnoException).code }, 'ready-fd cannot be written')
  }
}

/** A bug must not take every other exchange down with it; it is logged for what it is. */
export function guardProcess({ logger, sync }: Log): void {
  const survive = (error: unknown) => {
    logger.fatal({ bug: bugRecord(error) }, 'bug in mulligan, still serving')
    sync()
  }
  process.on('uncaughtException', survive)
  process.on('unhandledRejection', survive)
  // A report that the operator asked for (`--report-on-fatalerror`) lists the environment, where secrets are (T8). Node 20
  // knows no way to leave it out.
  if (process.report) Object.assign(process.report, { excludeEnv: true })
  // Without a listener SIGUSR1 opens Node's inspector on a local port.
  process.on('SIGUSR1', () => undefined)
}

/** SIGTERM and SIGINT drain, a second one cuts; SIGHUP reloads (F7). Resolves to the exit code. */
function untilSignal(daemon: Daemon, { logger }: Log): Promise<number> {
  return new Promise(resolve => {
    let ending = false
    const end = (signal: NodeJS.Signals) => {
      if (ending) return resolve(1)
      ending = true
      logger.info({ signal }, 'draining')
      daemon.drain().then(
        clean => {
          logger.info({ clean }, 'stopped')
          resolve(0)
        },
        () => resolve(1),
      )
    }
    process.on('SIGTERM', end)
    process.on('SIGINT', end)
    process.on('SIGHUP', () => void daemon.reread())
  })
}
