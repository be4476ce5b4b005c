import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const PROGRAM = fileURLToPath(new URL('../../../bin/mulligan.js', import.meta.url))

export type Line = Readonly<Record<string, unknown>>

export type DaemonProcess = {
  readonly child: ChildProcess
  /** Resolves with the first log record that has this message and has not been given before. */
  readonly said: (msg: string) => Promise<Line>
  /** Every record so far. */
  readonly lines: readonly Line[]
  readonly stderr: () => string
  /** What came on `--ready-fd 3`. */
  readonly readyFd: () => string
  /** Resolves to the exit code, or the signal's name. */
  readonly exit: Promise<number | string>
  readonly kill: (signal: NodeJS.Signals) => void
}

/**
 * `mulligan start` as a child process, from `bin/`, with a state directory of its own. Killed when the test is over.
 * @param node the runtime
 * @param program what is started: `bin/mulligan.js` of this package, or of another copy of it
 */
export function startProcess(
  t: Test,
  args: readonly string[],
  env: Record<string, string> = {},
  node = process.execPath,
  program = PROGRAM,
): DaemonProcess {
  const home = mkdtempSync(join(tmpdir(), 'mg-home-'))
  const child = spawn(node, [program, 'start', '--admin', 'off', '--state', join(home, 'state'), ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const lines: Line[] = []
  const given = new Set<Line>()
  let wake: (() => void)[] = []
  const wakeAll = () => {
    const woken = wake
    wake = []
    for (const resume of woken) resume()
  }
  const stdout = collect(child.stdio[1] as Readable)
  const stderr = collect(child.stdio[2] as Readable)
  const readyFd = collect(child.stdio[3] as Readable)
  let parsed = 0
  child.stdout?.on('data', () => {
    const whole = stdout().split('\n').slice(0, -1)
    for (const text of whole.slice(parsed)) lines.push(JSON.parse(text) as Line)
    parsed = whole.length
    wakeAll()
  })
  const exit = new Promise<number | string>(resolve => {
    child.on('close', (code, signal) => {
      rmSync(home, { recursive: true, force: true })
      resolve(code ?? signal ?? '')
      wakeAll()
    })
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    return exit
  })
  return {
    child,
    lines,
    stderr,
    readyFd,
    exit,
    kill: signal => child.kill(signal),
    said: async msg => {
      for (;;) {
        const found = lines.find(line => line['msg'] === msg && !given.has(line))
        if (found !== undefined) {
          given.add(found)
          return found
        }
        if (child.exitCode !== null) throw new Error(`mulligan ended before it said "${msg}": ${stderr()}`)
        await new Promise<void>(resolve => wake.push(resolve))
      }
    },
  }
}

function collect(stream: Readable): () => string {
  let text = ''
  stream.on('data', chunk => (text += String(chunk)))
  return () => text
}

/** The port in a URL such as the ready record's `proxy`. */
export const portOf = (line: Line, key = 'proxy'): number => Number(new URL(String(line[key])).port)
