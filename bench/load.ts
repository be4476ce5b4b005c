import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { LoadOrder, LoadResult } from '../src/bench/load-process.js'
import type { Workload } from '../src/bench/workloads.js'
import { nextMessage, spawnScript } from '../src/child/script-process.js'
import { type CpuReading, cpuBetween, readCpu } from './cpu-clock.js'
import { type Address, addressOf, type Door } from './door.js'
import type { Place } from './program.js'

/** The processes that ask, for HTTP/1.1 and for HTTP/2. */
export type Load = { readonly h1: ChildProcess; readonly h2: ChildProcess }

/** What one round found. @property noise the share of the proxy's cpu that somebody else took */
export type Sample = {
  readonly requestsPerSecond: number
  readonly cpuMicros: number | undefined
  readonly p50Micros: number
  readonly p99Micros: number
  readonly noise: number | undefined
}

export async function startLoad({ sandbox, pinning }: Place): Promise<Load> {
  const start = async (script: URL) => {
    const child = spawnScript(sandbox, script, [], pinning.load)
    await nextMessage(child)
    return child
  }
  return {
    h1: await start(new URL('../src/bench/load-process.js', import.meta.url)),
    h2: await start(new URL('./h2-load-process.js', import.meta.url)),
  }
}

/** The shape of a workload at a door: one that keeps no connection is given a new one each time. */
const workloadAt = (door: Door, workload: Workload, connections: number): Workload =>
  door.closes ? { ...workload, renewed: workload.lanes ?? connections } : workload

/** @param at where it listens @throws when an answer is not the upstream's, or there is none */
export async function measure(
  load: Load,
  place: Place,
  door: Door,
  at: { readonly pid: number | undefined; readonly port: number; readonly folder: string },
  given: Workload,
  { seconds, connections }: { readonly seconds: number; readonly connections: number },
): Promise<Sample> {
  const workload = workloadAt(door, given, connections)
  const order = orderOf(addressOf(door, place, at, workload.path), door, workload, seconds, connections)
  const loader = door.h2 ? load.h2 : load.h1
  await tell(loader, order)
  const before = clocksOf(at.pid)
  const result = (await tell(loader, 'go')) as LoadResult
  const after = clocksOf(at.pid)
  const { requests, errors, failure } = result
  if (errors > 0 || requests === 0) {
    throw new Error(`${door.name}, ${workload.name}: ${errors} errors in ${requests} requests (${failure})`)
  }
  const spent = before.own && after.own && cpuBetween(before.own, after.own)
  return {
    requestsPerSecond: requests / result.seconds,
    cpuMicros: spent === undefined ? undefined : spent / requests,
    p50Micros: result.medianMicros,
    p99Micros: result.p99Micros,
    noise: spent === undefined || place.pinning.proxy.length === 0 ? undefined : noiseBetween(before, after, spent),
  }
}

function orderOf(address: Address, door: Door, workload: Workload, seconds: number, connections: number): LoadOrder {
  const lanes = Math.min(connections, workload.renewed ?? workload.lanes ?? connections)
  return { ...address, workload, key: door.key, lanes, seconds }
}

function tell(loader: ChildProcess, what: LoadOrder | 'go'): Promise<unknown> {
  const answer = nextMessage(loader)
  loader.send(what)
  return answer
}

/** What the clocks show. @property own of the proxy @property cpu of everybody on its cpu, in microseconds @property at in milliseconds */
type Clocks = { readonly own: CpuReading | undefined; readonly cpu: number; readonly at: number }

const clocksOf = (pid: number | undefined): Clocks => ({
  own: pid === undefined ? undefined : readCpu(pid),
  cpu: firstCpuMicros(),
  at: performance.now(),
})

/** Hundredths of a second are not exact: never less than nothing. */
const noiseBetween = (before: Clocks, after: Clocks, spent: number): number =>
  Math.max(0, (after.cpu - before.cpu - spent) / ((after.at - before.at) * 1_000))

/** proc(5), stat: user, nice and system time of cpu 0 in hundredths of a second; what the hypervisor took comes on top. */
function firstCpuMicros(): number {
  try {
    const fields = /^cpu0 (.*)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]?.split(' ').map(Number) ?? []
    const [user = 0, nice = 0, system = 0, , , , , steal = 0] = fields
    return (user + nice + system + steal) * 10_000
  } catch {
    return 0
  }
}
