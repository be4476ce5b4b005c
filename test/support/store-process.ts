import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { StoreSettings } from '../../src/config/config.js'

const PROGRAM = 'store-program.js'

type StoreWork = {
  readonly settings: StoreSettings
  readonly state: string
  readonly args?: readonly string[]
  readonly program?: string
}

export type StoreProcess = {
  readonly child: ChildProcess
  /** What it printed so far. */
  readonly lines: readonly string[]
  /** Resolves when it has printed so many lines, or is gone. */
  readonly said: (lines: number) => Promise<void>
  readonly gone: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** Another process at the same store. @param work what to do, as the program, one of this folder, names it */
export function startStoreProcess(
  t: Test,
  work: string,
  { settings, state, args = [], program = PROGRAM }: StoreWork,
): StoreProcess {
  const { NODE_OPTIONS: _ofTap, ...env } = process.env
  const path = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(process.execPath, [path, work, JSON.stringify(settings), state, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let check = () => {}
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line => {
    lines.push(line)
    check()
  })
  const gone = once(child, 'close').then(([code, signal]) => {
    check = () => {}
    return { code, signal }
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    return gone
  })
  const said = (wanted: number) =>
    Promise.race([
      gone.then(() => undefined),
      new Promise<void>(resolve => {
        check = () => lines.length >= wanted && resolve()
        check()
      }),
    ])
  return { child, lines, said, gone }
}
