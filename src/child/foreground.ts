import type { ChildProcess } from 'node:child_process'
import type { Sandbox } from './sandbox.js'
import type { SignalRelay } from './signal-relay.js'

/** How a program ended, or why it could not be started. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'not-started'; readonly errno: string }

type Env = Readonly<Record<string, string | undefined>>

/** Runs a program in our place: on our stdin, stdout and stderr, and with the signals that we get. */
export async function runForeground(
  sandbox: Sandbox,
  relay: SignalRelay,
  command: readonly string[],
  env: Env,
): Promise<Ending> {
  const [program = '', ...args] = command
  try {
    const child = sandbox.spawn(program, args, { stdio: 'inherit', env })
    relay.attach(child)
    return await ending(child)
  } catch (error) {
    return { kind: 'not-started', errno: errnoOf(error) }
  }
}

function ending(child: ChildProcess): Promise<Ending> {
  return new Promise(resolve => {
    child.on('error', error => {
      // Else it is a signal that we may not send: to a program of another user, which goes on.
      if (child.pid === undefined) resolve({ kind: 'not-started', errno: errnoOf(error) })
    })
    child.on('exit', (code, signal) =>
      resolve(signal === null ? { kind: 'exit', code: code ?? 1 } : { kind: 'killed', signal }),
    )
  })
}

/** An empty name, or one with a NUL in it, is refused before the system is asked. */
const errnoOf = (error: unknown): string =>
  error instanceof TypeError ? 'ENOENT' : ((error as NodeJS.ErrnoException).code ?? String(error))
