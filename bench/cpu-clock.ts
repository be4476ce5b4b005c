import { readdirSync, readFileSync } from 'node:fs'
import { cpuTime, familyOf } from '../src/bench/cpu-time.js'

/** What a process and its descendants have used. @property threads nanoseconds by thread */
export type CpuReading = { readonly micros: number; readonly threads: ReadonlyMap<string, number> }

/** `undefined` without /proc. */
export function readCpu(pid: number): CpuReading | undefined {
  const micros = cpuTime(pid)
  if (micros === undefined) return undefined
  const threads = new Map<string, number>()
  for (const member of familyOf(pid)) readThreads(`/proc/${member}/task`, threads)
  return { micros, threads }
}

/** Of a process without its descendants, in microseconds; threads that ended are not in it. */
export function ownMicros(pid: number): number {
  const threads = new Map<string, number>()
  readThreads(`/proc/${pid}/task`, threads)
  return [...threads.values()].reduce((sum, nanos) => sum + nanos, 0) / 1_000
}

/** In microseconds: user and system time are each cut to hundredths of a second. */
const GRAIN = 10_000

/**
 * CPU time between two readings, in microseconds. The kernel counts each thread in nanoseconds, but forgets one that
 * ended: where that may be, it is what the process has in hundredths of a second.
 */
export function cpuBetween(before: CpuReading, after: CpuReading): number {
  let nanos = 0
  for (const [thread, used] of after.threads) nanos += used - (before.threads.get(thread) ?? 0)
  const coarse = after.micros - before.micros
  const isWhole = coarse - nanos / 1_000 < Math.max(GRAIN, coarse / 10)
  return isWhole ? nanos / 1_000 : coarse
}

/** sched-stats: the first number of schedstat is the time on a cpu. */
function readThreads(folder: string, into: Map<string, number>): void {
  try {
    for (const thread of readdirSync(folder)) {
      into.set(thread, Number(readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ')[0]))
    }
  } catch {
    // It ended while we looked, or the kernel keeps no such count.
  }
}
