import { readFileSync, writeFileSync } from 'node:fs'
import { familyOf } from '../src/bench/cpu-time.js'

/** Resident memory of a process and its descendants now, in bytes; `undefined` without /proc. */
export const residentBytes = (pid: number): number | undefined => sumOf(pid, 'VmRSS')

/** Its most since the last `forgetPeak`, in bytes. */
export const peakBytes = (pid: number): number | undefined => sumOf(pid, 'VmHWM')

/** proc(5), clear_refs: 5 sets the peak to what is resident now. */
export function forgetPeak(pid: number): void {
  for (const member of familyOf(pid)) {
    try {
      writeFileSync(`/proc/${member}/clear_refs`, '5')
    } catch {
      // It ended, or there is no /proc: no figure comes of it.
    }
  }
}

function sumOf(pid: number, field: string): number | undefined {
  const sizes = familyOf(pid).map(member => fieldOf(member, field))
  return sizes.some(size => size !== undefined) ? sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) : undefined
}

function fieldOf(pid: number, field: string): number | undefined {
  try {
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1_024
  } catch {
    return undefined
  }
}
