import { NoDaemonError, RefusedError } from './admin-client.js'
import type { CommandInput } from './command.js'
import { complain } from './complain.js'

/** Exit code of a command that asks the daemon: 3 when it does not answer, or its store, 1 when it refuses; why is on stderr. */
export async function withDaemon(input: CommandInput, task: () => Promise<number>): Promise<number> {
  try {
    return await task()
  } catch (error) {
    if (!(error instanceof NoDaemonError || error instanceof RefusedError)) throw error
    return complain(input, error.message, error instanceof NoDaemonError || error.status === 503 ? 3 : 1)
  }
}
