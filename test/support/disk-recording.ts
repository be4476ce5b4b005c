import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { shortDir } from './short-dir.js'
import type { Word } from './witness.js'

/** What a process did to one file, in order, and what it said meanwhile. */
export type DiskEvent =
  | {
      readonly kind: 'write'
      readonly at: number
      readonly data: Buffer /** By itself (O_DSYNC). */
      readonly synced: boolean
    }
  | { readonly kind: 'sync' }
  /** It has its name from now on. */
  | { readonly kind: 'made' }
  | { readonly kind: 'said'; readonly word: Word }

const PROGRAM = fileURLToPath(new URL('crash-program.js', import.meta.url))
const CALLS = 'openat,link,close,lseek,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,msync,ftruncate,fallocate'

/** Whether processes can be looked at here; says so where not. */
export function canTrace(t: Test): boolean {
  const { status } = spawnSync('strace', ['-f', '-o', '/dev/null', '/bin/true'], { stdio: 'ignore' })
  if (status !== 0)
    t.comment('strace is not there or may not look: nothing was killed at, or recorded from, its system calls')
  return status === 0
}

/** The command of the crash program, without what the test runner preloads. */
export function crashProgram(work: string, state: string, ...args: readonly (string | number)[]) {
  const { NODE_OPTIONS: _ofTap, ...rest } = process.env
  return {
    command: [process.execPath, PROGRAM, work, state, ...args.map(String)],
    env: { ...rest, UV_THREADPOOL_SIZE: '1' },
  }
}

/** Runs the crash program to its end and says what its main thread did to `file`, below its state. */
export function recordDisk(
  t: Test,
  file: string,
  work: string,
  ...args: readonly (string | number)[]
): readonly DiskEvent[] {
  const state = shortDir(t)
  const trace = join(state, 'trace')
  const { command, env } = crashProgram(work, state, ...args)
  const options = ['-o', trace, '-xx', '-s', '1000000', '-e', `trace=${CALLS}`, '-e', 'signal=none']
  const { status, stderr } = spawnSync('strace', [...options, ...command], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  if (status !== 0) throw new Error(`the program failed: ${stderr}`)
  const events = readTrace(readFileSync(trace, 'latin1'), join(state, file))
  rmSync(trace)
  return events
}

/** A file that is open. */
type Open = { readonly synced: boolean; position: number }

function readTrace(text: string, path: string): readonly DiskEvent[] {
  const events: DiskEvent[] = []
  const open = new Map<number, Open>()
  let spoken = ''
  for (const line of text.split('\n')) {
    const [, call = '', args = '', returned = ''] = /^(\w+)\((.*)\) += (-?\d+)/.exec(line) ?? []
    const result = Number(returned)
    if (call === '' || result < 0) continue
    if (call === 'openat') {
      const [name = ''] = pathsOf(args)
      // Its draft, which gets its name by a link, is the same file.
      if (name === path || (name.startsWith(`${path}.new-`) && !name.endsWith('-lock')))
        open.set(result, { synced: args.includes('DSYNC'), position: 0 })
      continue
    }
    if (call === 'link' && pathsOf(args)[1] === path) events.push({ kind: 'made' })
    const fd = Number(/^\d+/.exec(args)?.[0])
    if (fd === 1 && call === 'write') {
      spoken += bytesOf(args).toString()
      for (let end = spoken.indexOf('\n'); end >= 0; end = spoken.indexOf('\n')) {
        events.push({ kind: 'said', word: JSON.parse(spoken.slice(0, end)) as Word })
        spoken = spoken.slice(end + 1)
      }
    }
    const file = open.get(fd)
    if (file === undefined) continue
    const event = eventOf(call, args, result, file)
    if (event !== undefined) events.push(event)
    if (call === 'close') open.delete(fd)
  }
  return events
}

function eventOf(call: string, args: string, result: number, file: Open): DiskEvent | undefined {
  switch (call) {
    case 'lseek':
      file.position = result
      return undefined
    case 'close':
      return undefined
    case 'fsync':
    case 'fdatasync':
      return { kind: 'sync' }
    case 'pwrite64': {
      const at = Number(/, (\d+)$/.exec(args)?.[1])
      return { kind: 'write', at, data: bytesOf(args).subarray(0, result), synced: file.synced }
    }
    case 'write':
    case 'writev': {
      const at = file.position
      file.position += result
      return { kind: 'write', at, data: bytesOf(args).subarray(0, result), synced: file.synced }
    }
    default:
      throw new Error(`nobody knows what ${call} does to a disk`)
  }
}

const unhex = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex')

const pathsOf = (args: string): readonly string[] =>
  [...args.matchAll(/"([^"]*)"/g)].map(([, path = '']) => unhex(path).toString())

/** Everything in quotation marks, one after the other: of `writev` several. */
function bytesOf(args: string): Buffer {
  return Buffer.concat([...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, text = '']) => unhex(text)))
}
