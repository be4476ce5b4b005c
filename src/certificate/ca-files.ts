import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { syncDirectory } from '../store/own-file.js'
import type { Clock } from '../time/clock.js'
import { millis } from '../time/units.js'
import { CaError } from './ca-error.js'

/** Where the pair is. */
export type CaPath = { readonly state: string; readonly pem: string; readonly key: string; readonly lock: string }

export const caPaths = (state: string): CaPath => ({
  state,
  pem: join(state, 'ca.pem'),
  key: join(state, 'ca.key'),
  lock: join(state, 'ca.lock'),
})

/** What is done under the lock takes milliseconds: one that lasts this long was left by a process that died. */
const LOCK_LASTS = millis(3_000)
const LOCK_POLL = millis(20)
/** Group and others: what they may not do with the key, and what they may not do with the directory it is in. */
const OPEN = 0o077
const REPLACEABLE = 0o022

/**
 * Changes the pair while no other process does. `work` runs in one go, in a directory that is there and private.
 * @throws CaError
 */
export async function changeFiles<T>(state: string, clock: Clock, work: (paths: CaPath) => T): Promise<T> {
  const paths = caPaths(state)
  act('make', state, () => mkdirSync(state, { recursive: true, mode: 0o700 }))
  checkDirectory(state)
  const until = clock.monotonic() + LOCK_LASTS
  while (!takeLock(paths.lock) && clock.monotonic() < until) {
    await new Promise<void>(resolve => clock.schedule(LOCK_POLL, resolve))
  }
  try {
    return work(paths)
  } finally {
    rmSync(paths.lock, { force: true })
  }
}

/** The text of a file; undefined when there is none. @throws CaError */
export function readFileIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new CaError(`cannot read ${path} (${codeOf(error)}); --state names another directory`)
  }
}

/** A key that others can read or replace is worth nothing, so it is refused, as ssh does. @throws CaError */
export function checkPrivate({ state, key }: CaPath): void {
  checkDirectory(state)
  const mode = modeOf(key)
  if ((mode & OPEN) !== 0) throw new CaError(`${key} is open to others (${octal(mode)}): chmod 600 ${key}`)
}

function checkDirectory(state: string): void {
  const mode = modeOf(state)
  if ((mode & REPLACEABLE) !== 0) {
    throw new CaError(
      `others may write to ${state} (${octal(mode)}), so it must not hold a key: chmod 700 ${state}, or name a directory below it with --state`,
    )
  }
}

/** Whole or not at all, whenever the machine stops. @throws CaError */
export function writeWhole(path: string, text: string, mode: number): void {
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`
  act('write', path, () => {
    try {
      const fd = openSync(draft, 'wx', mode)
      try {
        writeFileSync(fd, text)
        // The umask may have taken away what readers need.
        fchmodSync(fd, mode)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(draft, path)
      syncDirectory(dirname(path))
    } finally {
      rmSync(draft, { force: true })
    }
  })
}

/** Keeps what is there under another name. @throws CaError */
export function retire(path: string): void {
  act('rename', path, () => {
    try {
      renameSync(path, `${path}.old`)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  })
}

function takeLock(path: string): boolean {
  return act('write', path, () => {
    try {
      closeSync(openSync(path, 'wx', 0o600))
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
  })
}

/** Windows has no such modes: there, the profile's own access list is what keeps others out. */
const modeOf = (path: string): number =>
  process.platform === 'win32' ? 0 : act('read', path, () => statSync(path).mode)

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0')

function act<T>(verb: string, path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new CaError(`cannot ${verb} ${path} (${codeOf(error)}); --state names another directory`)
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)
