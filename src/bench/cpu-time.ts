import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of /proc are hundredths of a second on every Linux that Node runs on. */
const MICROS_PER_TICK = 10_000

type Stat = { readonly parent: number; readonly ticks: number }

/** CPU time so far of a process and its descendants, user and system, in microseconds; `undefined` without /proc. */
export function cpuTime(pid: number): number | undefined {
  const stats = readStats()
  if (!stats.has(pid)) return undefined
  return familyOf(pid, stats).reduce((sum, member) => sum + (stats.get(member)?.ticks ?? 0) * MICROS_PER_TICK, 0)
}

/** A process and its descendants, itself first. */
export function familyOf(pid: number, stats: ReadonlyMap<number, Stat> = readStats()): readonly number[] {
  const family = new Set([pid])
  // Parents may be listed after their children: go on until nobody joins.
  for (let size = 0; size < family.size; ) {
    size = family.size
    for (const [child, { parent }] of stats) if (family.has(parent)) family.add(child)
  }
  return [...family]
}

function readStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>()
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1')
      // proc(5): the program's name may hold spaces and parentheses; fields count from behind it, state first.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      stats.set(Number(name), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) })
    } catch {
      // It ended while we looked.
    }
  }
  return stats
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
