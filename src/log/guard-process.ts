import { bugRecord } from './bug-line.js'
import type { Log } from './log.js'

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
