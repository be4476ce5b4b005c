import { NoDaemonError, RefusedError } from './admin-client.js'
import type { CommandInput } from './command.js'
import { createPaint } from './paint.js'

/** Exit code of a command that asks the daemon: 3 when it does not answer, or its store, 1 when it refuses; why is on stderr. */
export async function withDaemon({ io }: CommandInput, task: () => Promise<number>): Promise<number> {
  try {
    return await task()
  } catch (error) {
    if (!(error instanceof NoDaemonError || error instanceof RefusedError)) throw error
    io.stderr.write(`${createPaint(io.stderr, io.env)('red', 'mulligan')}: ${error.message}\n`)
    return error instanceof NoDaemonError || error.status === 503 ? 3 : 1
  }
}
