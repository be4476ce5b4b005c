import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What the daemon's process says of itself. */
export type InsideReadings = {
  /** Bytes of JavaScript's heap and beside it that are in use, garbage not counted. */
  readonly live: number
  /** What keeps the event loop alive, by kind. */
  readonly handles: Readonly<Record<string, number>>
}

/** A process at one moment. */
export type Readings = InsideReadings & {
  /** Open descriptors by kind. */
  readonly descriptors: Readonly<Record<string, number>>
  readonly memory: Memory
}

/** Bytes when garbage has been collected: in use by JavaScript, and held by the process without mapped files. */
export type Weight = { readonly live: number; readonly anonymous: number }

/** Bytes in memory. @property anonymous without mapped files, such as the store's */
type Memory = { readonly resident: number; readonly anonymous: number }

/** @throws where there is no /proc/PID/status */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1')
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1_024
  return { resident: bytes('VmRSS'), anonymous: bytes('RssAnon') }
}

/**
 * How long its main thread was ready to run and had no CPU so far, in milliseconds; `undefined` where the kernel does not
 * count that.
 */
export function waitedForCpu(pid: number): number | undefined {
  try {
    const nanoseconds = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]
    return Number(nanoseconds) / 1e6
  } catch {
    return undefined
  }
}

/** proc(5): sockets, pipes and the kernel's own objects by their kind, everything else is a file. */
export function descriptorsOf(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${fd}`)
    if (kind !== undefined) kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return kinds
}

function kindOf(path: string): string | undefined {
  try {
    const target = readlinkSync(path)
    return /^(?:(\w+):\[|(anon_inode:\S+))/.exec(target)?.slice(1).find(Boolean) ?? 'file'
  } catch {
    // Closed while we looked.
    return undefined
  }
}

/** What is more than it was, by kind. */
export function growth(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  const more = Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const)
  return Object.fromEntries(more.filter(([, count]) => count > 0))
}

/** A figure over a counter. */
export type Point = { readonly count: number; readonly value: number }

/** How much `value` grows with each step of `count`: least squares; `undefined` for fewer than three points. */
export function slopeOf(points: readonly Point[]): number | undefined {
  if (points.length < 3) return undefined
  const mean = (pick: (point: Point) => number) => points.reduce((sum, point) => sum + pick(point), 0) / points.length
  const [x, y] = [mean(({ count }) => count), mean(({ value }) => value)]
  const spread = points.reduce((sum, { count }) => sum + (count - x) ** 2, 0)
  return spread === 0
    ? undefined
    : points.reduce((sum, { count, value }) => sum + (count - x) * (value - y), 0) / spread
}
