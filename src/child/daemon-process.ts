import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../config/package-root.js'
import { endChild, type Sandbox } from './sandbox.js'

/** A daemon of its own process, as a user would start it. */
export type DaemonProcess = {
  readonly pid: number
  /** Where clients connect, `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly port: number
  /** The log records written so far; all of them once it has ended. */
  readonly records: () => Record<string, unknown>[]
  /** SIGTERM, and the wait for its end. */
  readonly stop: () => Promise<void>
}

/** @param launcher put in front of the command: `['taskset', '-c', '0']` @throws when it does not come up */
export async function startDaemonProcess(
  sandbox: Sandbox,
  yaml: string,
  launcher: readonly string[] = [],
): Promise<DaemonProcess> {
  const configFile = join(sandbox.folder, 'mulligan.yaml')
  const logFile = join(sandbox.folder, 'daemon.log')
  const errorFile = join(sandbox.folder, 'daemon.err')
  writeFileSync(configFile, yaml)
  const files = [openSync(logFile, 'w'), openSync(errorFile, 'w')] as const
  const bin = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))
  const flags = ['--config', configFile, '--listen', '127.0.0.1:0', '--admin', 'off', '--state', sandbox.folder]
  const output = ['--log-format', 'json', '--ready-fd', '3']
  const [command = '', ...args] = [...launcher, process.execPath, bin, 'start', ...flags, ...output]
  const child = sandbox.spawn(command, args, { stdio: ['ignore', ...files, 'pipe'] })
  for (const file of files) closeSync(file)
  // Ends with the word that it listens, or with the process.
  for await (const _ of child.stdio[3] as Readable) break
  const records = () => readRecords(logFile)
  const ready = records().find(({ msg }) => msg === 'ready')
  if (ready === undefined || child.pid === undefined) {
    await endChild(child)
    throw new Error(`the daemon did not start: ${readFileSync(errorFile, 'utf8') || readFileSync(logFile, 'utf8')}`)
  }
  const url = String(ready['proxy'])
  return { pid: child.pid, url, port: Number(new URL(url).port), records, stop: () => endChild(child) }
}

/** Whole lines only: the last one may be in the making. */
function readRecords(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as Record<string, unknown>)
}
