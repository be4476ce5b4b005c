import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'

/** `mulligan start` as a user runs it, in a process of its own (`dist/` must be built). */
export type ChildDaemon = {
  readonly port: number
  readonly pid: number
  readonly state: string
}

const bin = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))

/** @param prefix shell words before the command, such as `ulimit -f 8;` */
export async function startChildDaemon(t: Test, yaml: string, prefix = ''): Promise<ChildDaemon> {
  const state = mkdtempSync(join(tmpdir(), 'mulligan-child-'))
  const file = join(state, 'mulligan.yaml')
  writeFileSync(file, yaml)
  const args = ['start', '-c', file, '--listen', '127.0.0.1:0', '--admin', 'off', '--state', state]
  const words = [process.execPath, bin, ...args, '--log-format', 'json']
  const [command = '', ...rest] = prefix === '' ? words : ['/bin/sh', '-c', `${prefix} exec "$@"`, 'sh', ...words]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await gone
    rmSync(state, { recursive: true, force: true })
  })
  const proxy = await new Promise<string>((resolve, reject) => {
    // Others come before it: warnings, or that a CA was made.
    createInterface({ input: child.stdout }).on('line', line => {
      const record = JSON.parse(line) as Readonly<Record<string, unknown>>
      if (record['msg'] === 'ready') resolve(String(record['proxy']))
    })
    void gone.then(() => reject(new Error('the daemon ended before it was ready')))
  })
  return { port: Number(new URL(proxy).port), pid: child.pid as number, state }
}

/** A figure of /proc/PID/status in bytes, `undefined` where there is no such thing. */
export function memoryOf(pid: number, figure: 'VmRSS' | 'VmHWM'): number | undefined {
  try {
    const kib = new RegExp(`^${figure}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1_024
  } catch {
    return undefined
  }
}
