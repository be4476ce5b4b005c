import { median } from '../src/bench/measure.js'

/** The middle of some rounds, and how far they lie apart. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number }

/** `undefined` where no round had a figure. */
export function spreadOf(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter(value => value !== undefined)
  if (known.length === 0) return undefined
  return { median: median(known), min: Math.min(...known), max: Math.max(...known) }
}

/** One door under one workload. */
export type Row = {
  readonly door: string
  readonly workload: string
  /** CPU of the proxy alone, user and system, in microseconds; unknown without a proxy, and without /proc. */
  readonly cpuMicros: Spread | undefined
  readonly requestsPerSecond: Spread | undefined
  readonly p50Micros: Spread | undefined
  readonly p99Micros: Spread | undefined
}

/** One program from its start on. */
export type Fresh = {
  readonly door: string
  /** From its start to its first answer. */
  readonly startMillis: Spread | undefined
  /** Resident when it has answered once. */
  readonly bytes: Spread | undefined
  /** CPU per request in its first seconds under load, in microseconds; of those that are asked for it. */
  readonly earlyMicros: Spread | undefined
}

/** One long body through one program. */
export type Bulk = {
  readonly door: string
  readonly direction: 'down' | 'up'
  /** What it needed at most, over what it had before. */
  readonly growthBytes: Spread | undefined
  readonly cpuMillis: Spread | undefined
  readonly seconds: Spread | undefined
}

/** @property count of tunnels @property bytesEach of the proxy's memory */
export type IdleTunnels = { readonly door: string; readonly count: number; readonly bytesEach: number | undefined }

export type Settings = {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  /** Before it is measured, under the first workload. */
  readonly warmUpSeconds: number
  readonly bulkBytes: number
  readonly bulkRounds: number
  readonly tunnels: number
}

export type Machine = {
  readonly cpu: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  /** Versions by peer. */
  readonly versions: ReadonlyMap<string, string>
  /** The day of the run, as `2026-01-31`. */
  readonly date: string
  readonly isPinned: boolean
}

/** Everything that one run found. */
export type Figures = {
  readonly machine: Machine
  readonly settings: Settings
  readonly rows: readonly Row[]
  readonly fresh: readonly Fresh[]
  /** `node -e 0`, from its start to its end, in milliseconds. */
  readonly bareNodeMillis: Spread | undefined
  readonly bulk: readonly Bulk[]
  readonly tunnels: readonly IdleTunnels[]
  /** Resident after the load, by door. */
  readonly loadedBytes: ReadonlyMap<string, number>
  /** The share of the proxy's cpu that others took while it was measured. */
  readonly noise: Spread | undefined
  /** Peers that are not here. */
  readonly absent: readonly string[]
  /** Peers that are, and did not answer as they should: no figure of theirs stands for it. */
  readonly failures: readonly string[]
}
