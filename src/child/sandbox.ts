import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

/** A child that ignores SIGTERM for this long, in milliseconds, is ended with SIGKILL. */
const GRACE = 3_000

/** Children and a private folder that live no longer than what they are for, however that ends. */
export class Sandbox {
  /** 0700, removed on `close`. */
  readonly folder: string
  readonly #children = new Set<ChildProcess>()

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `mulligan-${name}-`))
    process.once('exit', this.#abandon)
  }

  /** As `spawn`, and ended with the sandbox. A program that cannot be started ends like one that failed. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const child = spawn(command, args, options)
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    child.once('error', () => this.#children.delete(child))
    return child
  }

  /** Ends every child, and resolves when they are gone and the folder too. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map(endChild))
    process.removeListener('exit', this.#abandon)
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The process ends without having closed us: there is time for the hard way only. */
  readonly #abandon = (): void => {
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Asks a child to end, makes it end if it does not, and resolves when it has. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE)
  await gone
  clearTimeout(timer)
}

/** Runs `body` in a sandbox; SIGINT and SIGTERM end it early with the exit code a shell expects, 128 + signal. */
export async function inSandbox(name: string, body: (sandbox: Sandbox) => Promise<number>): Promise<number> {
  let interrupt: (signal: NodeJS.Signals) => void = () => undefined
  const interrupted = new Promise<number>(resolve => {
    interrupt = signal => resolve(128 + constants.signals[signal])
  })
  // Before there is anything that would be left behind.
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  let sandbox: Sandbox | undefined
  try {
    sandbox = new Sandbox(name)
    return await Promise.race([body(sandbox), interrupted])
  } finally {
    await sandbox?.close()
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt)
  }
}
