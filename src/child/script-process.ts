import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Sandbox } from './sandbox.js'

/** Starts a script of ours with an IPC channel. @param launcher put in front: `['taskset', '-c', '0']` */
export function spawnScript(
  sandbox: Sandbox,
  script: URL,
  args: readonly string[] = [],
  launcher: readonly string[] = [],
): ChildProcess {
  const [command = '', ...rest] = [...launcher, process.execPath, fileURLToPath(script), ...args]
  return sandbox.spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

/** What it says next. @throws when it ends without a word */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const waiting = new AbortController()
  const { signal } = waiting
  try {
    const [message] = await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code]): unknown[] => {
        throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`)
      }),
    ])
    return message
  } finally {
    waiting.abort()
  }
}
