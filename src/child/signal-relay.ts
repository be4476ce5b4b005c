import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'

/** What somebody may send us and mean our child. */
const PASSED = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
/** What keys of a terminal send, to every process of its foreground. */
const FROM_KEYS: readonly string[] = ['SIGINT', 'SIGQUIT']

/** Milliseconds that a signal to several processes may take to be told to all. */
const TOLD_LATE = 50

/** From its making until `close`, signals end the child and not us: we have to clean up behind it. */
export class SignalRelay {
  #child: ChildProcess | undefined
  #early: NodeJS.Signals | undefined
  #interrupted = false

  constructor() {
    for (const signal of PASSED) process.on(signal, this.#pass)
  }

  /** What came before there was a child to pass it on to. */
  get early(): NodeJS.Signals | undefined {
    return this.#early
  }

  /** A key of the terminal interrupted child and us alike. The end of the child may be told first, so this takes a moment. */
  async interrupted(): Promise<boolean> {
    if (!this.#interrupted) await new Promise(resolve => setTimeout(resolve, TOLD_LATE))
    return this.#interrupted
  }

  attach(child: ChildProcess): void {
    this.#child = child
  }

  close(): void {
    for (const signal of PASSED) process.removeListener(signal, this.#pass)
  }

  readonly #pass = (signal: NodeJS.Signals): void => {
    if (this.#child === undefined) {
      this.#early ??= signal
    } else if (FROM_KEYS.includes(signal) && inForeground()) {
      // The child has it already; twice would mean "at once" to many programs.
      this.#interrupted ||= signal === 'SIGINT'
    } else {
      this.#child.kill(signal)
    }
  }
}

/** Whether the keys of a terminal reach this process group, and so the child in it; a guess where there is no /proc. */
function inForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    // The name, in brackets, may hold anything; behind it: state, parent, group, session, terminal, its foreground group.
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return group === foreground
  } catch {
    return isatty(0) || isatty(1) || isatty(2)
  }
}
