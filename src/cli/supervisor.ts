import { spawn } from 'node:child_process'
import { closeSync, writeSync } from 'node:fs'
import type { Log } from '../log/log.js'
import { seconds } from '../time/units.js'

/** Who started the daemon and wants to know how it fares. Telling neither delays the daemon nor ends it. */
export type Supervisor = {
  readonly ready: () => void
  readonly reloading: () => void
  /** Resolves when it is being told, after all that was said before: whoever ends sooner takes its last word along. */
  readonly stopping: () => Promise<void>
}

/** Node cannot send to a datagram socket of the file system; this comes with systemd. */
const PROGRAM = 'systemd-notify'
/** It waits itself until it was heard, for 5 s at most. */
const PATIENCE = seconds(10)

/** The socket of sd_notify(3) when `NOTIFY_SOCKET` names one, and the descriptor of `--ready-fd`. */
export function supervisorOf(env: NodeJS.ProcessEnv, readyFd: number | undefined, log: Log): Supervisor {
  const notify = notifier(env, log)
  let isStopping = false
  return {
    ready: () => {
      // A reload that ends while it drains.
      if (isStopping) return
      void notify(`MAINPID=${process.pid}`, 'READY=1')
      if (readyFd !== undefined) writeReady(readyFd, log)
      readyFd = undefined
    },
    // `Type=notify-reload` wants to know when, on CLOCK_MONOTONIC, which is what hrtime reads.
    reloading: () => {
      if (!isStopping) void notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`)
    },
    stopping: () => {
      isStopping = true
      return notify('STOPPING=1')
    },
  }
}

/** What it gives resolves when the message is on its way. */
function notifier(env: NodeJS.ProcessEnv, { logger }: Log): (...message: string[]) => Promise<void> {
  const { NOTIFY_SOCKET: socket, PATH } = env
  if (!socket) return async () => undefined
  // For us alone: what a credential or a signer runs must not speak for the daemon.
  delete env['NOTIFY_SOCKET']
  let isWarned = false
  let last = Promise.resolve<string | undefined>(undefined)
  return (...message) => {
    // One after the other: the last word counts.
    const before = last
    last = before.then(() => send(message, { NOTIFY_SOCKET: socket, PATH }))
    void last.then(failure => {
      if (failure === undefined || isWarned) return
      isWarned = true
      logger.warn({ program: PROGRAM, message: message.join(' '), failure }, 'NOTIFY_SOCKET is set, but cannot be told')
    })
    return before.then(() => undefined)
  }
}

/** Resolves to what went wrong. */
function send(message: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise(resolve => {
    const child = spawn(PROGRAM, message, { env, stdio: 'ignore', timeout: PATIENCE })
    child.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
    child.on('exit', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)))
  })
}

function writeReady(fd: number, { logger }: Log): void {
  try {
    writeSync(fd, 'READY=1\n')
    closeSync(fd)
  } catch (error) {
    logger.warn({ fd, error: (error as NodeJS.ErrnoException).code }, 'ready-fd cannot be written')
  }
}
