import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Home } from './mulligan.js'

/** Opens files until there are none left, but for as many as it is told; on SIGUSR2, in the process that loads it. */
const HOG = `
const { openSync, closeSync, readFileSync } = require('node:fs')
const kept = []
process.on('SIGUSR2', () => {
  for (const fd of kept.splice(0)) closeSync(fd)
  const free = Number(readFileSync(__dirname + '/free', 'utf8'))
  if (free >= 0) {
    try {
      for (;;) kept.push(openSync('/dev/null'))
    } catch {
      for (const fd of kept.splice(0, free)) closeSync(fd)
    }
  }
  process.stdout.write(JSON.stringify({ msg: 'hog', free }) + '\\n')
})
`

/** Why the files of a process cannot be limited here, if so. */
export const NO_LIMITS =
  spawnSync('prlimit', ['--version']).status === 0 ? false : 'prlimit (util-linux) is not installed'

/** Words for NODE_OPTIONS of a daemon with this home. */
export function fileHog({ folder }: Home): string {
  const file = join(folder, 'hog.cjs')
  writeFileSync(file, HOG)
  return `--require=${file}`
}

type Hogged = {
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  readonly next: (wanted: (record: Readonly<Record<string, unknown>>) => boolean) => Promise<unknown>
}

/** How many files the daemon may open from now on; `all` of its 256. */
export async function leaveFiles({ folder }: Home, daemon: Hogged, free: number | 'all'): Promise<void> {
  spawnSync('prlimit', ['--pid', String(daemon.pid), '--nofile=256:256'])
  writeFileSync(join(folder, 'free'), String(free === 'all' ? -1 : free))
  daemon.kill('SIGUSR2')
  await daemon.next(({ msg }) => msg === 'hog')
}
