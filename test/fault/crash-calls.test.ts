import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import { PROOFS } from '../support/crash-facts.js'
import { canTrace, crashProgram } from '../support/disk-recording.js'
import { seeded } from '../support/random.js'
import { shortDir } from '../support/short-dir.js'
import type { Word } from '../support/witness.js'

/** Every call by which something comes to the disk. */
const CALLS = [
  ...['write', 'writev', 'pwrite64', 'fsync', 'fdatasync', 'rename', 'link', 'unlink'],
  ...['mkdir', 'chmod', 'fchmod', 'ftruncate', 'copy_file_range'],
]

/** How often each work does what it does; `rotate` writes on another thread than the one that asks. */
const WORKS = [
  ['buy', 12],
  ['keep', 12],
  ['rotate', 3],
  ['make', 1],
] as const

/** At how many of them the program is killed; all of them in the long form: BOUNDARIES=all. */
const BOUNDARIES =
  process.env['BOUNDARIES'] === 'all' ? Number.POSITIVE_INFINITY : Number(process.env['BOUNDARIES'] ?? 12)
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

type Boundary = { readonly work: (typeof WORKS)[number]; readonly call: string; readonly n: number }

t.setTimeout(3_600_000)

/** Every call that the works make when nobody kills them. */
function boundariesOf(t: Test, work: Boundary['work']): readonly Boundary[] {
  const trace = join(shortDir(t), 'trace')
  const { status } = traced(t, work, ['-o', trace, '-e', `trace=${CALLS.join()}`])
  t.equal(status, 0, `${work[0]} ends by itself`)
  const counts = new Map<string, number>()
  // Each thread counts for itself; beside the calls there are lines about threads that begin and end.
  for (const [, thread, call] of readFileSync(trace, 'latin1').matchAll(/^(?:(\d+) +)?(\w+)\(/gm)) {
    const counter = `${thread} ${call}`
    counts.set(counter, (counts.get(counter) ?? 0) + 1)
  }
  const most = CALLS.map(call => {
    const ofThreads = [...counts].filter(([counter]) => counter.endsWith(` ${call}`)).map(([, count]) => count)
    return [call, Math.max(0, ...ofThreads)] as const
  })
  return most.flatMap(([call, count]) => Array.from({ length: count }, (_, n) => ({ work, call, n: n + 1 })))
}

/** Runs the crash program under strace. @returns what it said, and in which directory it worked */
function traced(t: Test, [name, steps]: Boundary['work'], options: readonly string[]) {
  const state = shortDir(t)
  const { command, env } = crashProgram(name, state, steps, seed)
  // Without the other threads no call of theirs is counted.
  const all = name === 'rotate' ? ['-f', ...options] : options
  const { status, stdout } = spawnSync('strace', ['-e', 'signal=none', ...all, ...command], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const words = stdout
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Word)
  return { status, state, words }
}

test('F26: killed at a counted call, a process leaves all that it acknowledged, and nothing else', async t => {
  if (!canTrace(t)) return
  t.comment(`SEED=${seed}`)
  const random = seeded(seed)
  const all = WORKS.flatMap(work => boundariesOf(t, work))
  const wanted = Math.min(BOUNDARIES, all.length)
  // Threads that wake each other make calls that do not come again: such a boundary is not met, and another one is drawn.
  const isAll = wanted === all.length
  const draws = isAll ? wanted : 8 * wanted
  const wrong: string[] = []
  let killed = 0
  for (let draw = 0; draw < draws && killed < wanted; draw++) {
    const boundary = all[isAll ? draw : Math.floor(random() * all.length)]
    if (boundary === undefined) continue
    const { work, call, n } = boundary
    const { status, state, words } = traced(t, work, [
      ...['-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${n}`],
    ])
    if (status !== 0) killed++
    const found = await PROOFS[work[0]]?.(state, words).catch((error: unknown) => [String(error)])
    for (const what of found ?? []) wrong.push(`${work[0]}, ${call} ${n}: ${what}`)
  }
  t.comment(`killed at ${killed} of ${all.length} boundaries`)
  t.strictSame(wrong, [])
  t.ok(killed > wanted * 0.6, 'most of them were met')
})
