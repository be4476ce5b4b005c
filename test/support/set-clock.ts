import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Home } from './mulligan.js'

/** Milliseconds by which a wall clock is wrong. */
export const DAY = 86_400_000
export const YEAR = 365 * DAY

export type SetClock = {
  /** Of processes whose wall clock this is. */
  readonly env: NodeJS.ProcessEnv
  /** Sets it, while they run: so many milliseconds from the true time. The monotonic clock stays as it is. */
  readonly set: (ms: number) => void
}

const library = findLibrary()

/** Why there can be none, if so. */
export const NO_SET_CLOCK = library === undefined && 'libfaketime is not installed (apt-get install faketime)'

/**
 * A wall clock of its own for processes with this home, by Debian's `libfaketime`. Times of files are true ones: they
 * were written before somebody set the clock.
 */
export function setClock({ folder, env }: Home): SetClock {
  const file = join(folder, 'clock')
  const set = (ms: number) => writeFileSync(file, `${ms < 0 ? '' : '+'}${ms / 1_000}\n`)
  set(0)
  return {
    env: {
      ...env,
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
    set,
  }
}

/** The one for threads: a Node has some. */
function findLibrary(): string | undefined {
  if (process.platform !== 'linux') return undefined
  return readdirSync('/usr/lib')
    .map(folder => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)
    .find(path => existsSync(path))
}
