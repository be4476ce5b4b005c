import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** @property folder of the page, and of all else that it leaves, which is in `temporary` */
export type BenchRun = {
  readonly child: ChildProcess
  readonly said: { out: string; err: string }
  readonly folder: string
  readonly temporary: string
  readonly page: string
}

/** Starts a benchmark in its smallest form, with a page of its own to write into. @param program the file to run */
export function startBench(t: Test, program: string, args: readonly string[]): BenchRun {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mg-bench-')))
  const [temporary, page] = [join(folder, 'tmp'), join(folder, 'page.md')]
  mkdirSync(temporary)
  writeFileSync(page, 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n')
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, [program, '--quick', '--page', page, ...args], {
    env: { ...env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', chunk => (said.out += String(chunk)))
  child.stderr.on('data', chunk => (said.err += String(chunk)))
  return { child, said, folder, temporary, page }
}
