import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'

/** Logs of earlier runs that stay. */
const KEPT = 20
/** Of a longer log only this end is searched for warnings. */
const SEARCHED = 1_048_576

/** The log of a private daemon: our output belongs to the program that we run. */
export type RunLog = {
  readonly fd: number
  /** `undefined` where nothing can be kept. */
  readonly path: string | undefined
  readonly close: () => void
}

/** A file under the state directory, 0600; the oldest make room. */
export function openRunLog(state: string): RunLog {
  const folder = join(state, 'logs')
  const path = join(folder, `run-${process.pid}.log`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    makeRoom(folder)
    rmSync(path, { force: true })
    const fd = openSync(path, 'wx', 0o600)
    return { fd, path, close: () => end(fd, path) }
  } catch {
    const fd = openSync('/dev/null', 'w')
    return { fd, path: undefined, close: () => closeSync(fd) }
  }
}

/** Nothing happened, nothing stays. */
function end(fd: number, path: string): void {
  const isEmpty = fstatSync(fd).size === 0
  closeSync(fd)
  if (isEmpty) rmSync(path, { force: true })
}

function makeRoom(folder: string): void {
  const logs = readdirSync(folder).filter(name => /^run-\d+\.log$/.test(name))
  const written = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const byAge = logs.map(name => ({ name, at: written(name) })).sort((a, b) => b.at - a.at)
  for (const { name } of byAge.slice(KEPT - 1)) rmSync(join(folder, name), { force: true })
}

/** The warnings and errors of a log, each once, in the words of the log. */
export function complaintsIn(path: string): string[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').slice(-SEARCHED).split('\n')
  const found = lines.flatMap(line => (/^\{"level":[456]0,/.test(line) ? complaint(line) : []))
  return [...new Set(found)]
}

function complaint(line: string): string[] {
  try {
    const { msg, host } = JSON.parse(line) as { msg?: string; host?: string }
    return [`${host === undefined ? '' : `${host}: `}${msg}`]
  } catch {
    return []
  }
}
