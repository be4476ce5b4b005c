import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const LOOP = fileURLToPath(new URL('refresh-loop.js', import.meta.url))

export type RefreshProcess = {
  readonly child: ChildProcess
  /** What it said so far: `token …`, `warning …`, `failed …`. */
  readonly lines: readonly string[]
  /** Resolves when it has said so many lines; rejects when it ends before. */
  readonly said: (lines: number) => Promise<void>
  /** Resolves when it is gone and all it said has been read. */
  readonly gone: Promise<unknown>
}

/** A process that renews one session, again and again. @param rounds until it is killed when undefined */
export function startRefreshing(
  t: Test,
  { token_url, state, first, rounds }: { token_url: string; state: string; first: string; rounds?: number },
): RefreshProcess {
  const { NODE_OPTIONS: _ofTap, ...env } = process.env
  const child = spawn(process.execPath, [LOOP, token_url, state, first, String(rounds ?? '')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let waiting: { lines: number; resolve: () => void; reject: (reason: Error) => void } | undefined
  const gone = once(child, 'close').then(() => waiting?.reject(new Error(`it ended: ${lines.at(-1)}`)))
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line => {
    lines.push(line)
    if (waiting !== undefined && lines.length >= waiting.lines) waiting.resolve()
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    return gone
  })
  return {
    child,
    lines,
    gone,
    said: wanted =>
      new Promise((resolve, reject) => {
        waiting = { lines: wanted, resolve, reject }
        if (lines.length >= wanted) resolve()
      }),
  }
}

/** The refresh token in the file; undefined when there is no file. */
export function storedRefreshToken(state: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(state, 'credentials', 'vendor.json'), 'utf8')) as Record<string, unknown>)[
      'refresh_token'
    ]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
