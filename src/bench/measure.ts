import { type ChildProcess, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { Sandbox } from '../child/sandbox.js'
import { nextMessage, spawnScript } from '../child/script-process.js'
import { cpuTime } from './cpu-time.js'
import type { LoadOrder, LoadResult } from './load-process.js'
import type { Candidate, CandidateName, Pinning, Suite } from './suite.js'
import type { Workload } from './workloads.js'

export type BenchSettings = { readonly seconds: number; readonly rounds: number; readonly connections: number }

/** One candidate under one workload: medians over the rounds. */
export type Cell = {
  readonly workload: string
  readonly candidate: CandidateName
  readonly requestsPerSecond: number
  /** CPU of the proxy alone, user and system, in microseconds; unknown without a proxy, and without /proc. */
  readonly cpuMicros: number | undefined
  /** What the middle request took, in microseconds. With many connections it is mostly its turn that it waits for. */
  readonly medianMicros: number
}

export type BenchResult = {
  readonly settings: BenchSettings
  readonly cells: readonly Cell[]
  /** What could not be measured as it should. */
  readonly notes: readonly string[]
}

/** Rounds are interleaved: what disturbs the machine disturbs everybody. @param say told what is being done, and how much of all was */
export async function runBench(
  suite: Suite,
  sandbox: Sandbox,
  settings: BenchSettings,
  say: (text: string, share: number) => void,
): Promise<BenchResult> {
  const pinning = pin()
  say('starting', 0)
  const { candidates, host } = await suite.start(sandbox, pinning)
  const loader = spawnScript(sandbox, new URL('./load-process.js', import.meta.url), [], pinning.load)
  await nextMessage(loader)
  const samples = new Map<string, Sample[]>()
  const { rounds, seconds, connections } = settings
  const total = (rounds + 1) * suite.workloads.length * candidates.length
  let measured = 0
  // Round 0 warms the compilers up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const workload of suite.workloads) {
      for (const candidate of candidates) {
        const stage = round === 0 ? 'warm-up' : `round ${round} of ${rounds}`
        say(`${stage}: ${workload.name}, ${candidate.name}`, measured++ / total)
        const { port, tls, key } = candidate
        const lanes = Math.min(connections, workload.renewed ?? workload.lanes ?? connections)
        const order = { workload, port, tls, key, target: candidate.target(workload), host, lanes, seconds }
        const sample = await measure(loader, candidate, order)
        const cell = keyOf(workload, candidate)
        if (round > 0) samples.set(cell, [...(samples.get(cell) ?? []), sample])
      }
    }
  }
  const cells = suite.workloads.flatMap(workload =>
    candidates.map(candidate => cellOf(workload, candidate, samples.get(keyOf(workload, candidate)) ?? [])),
  )
  return { settings, cells, notes: [...notesOf(suite, candidates, cells, pinning), ...suite.notes] }
}

/** The proxy on one cpu, load and upstream on another, so that neither takes the other's time. */
export function pin(): Pinning {
  if (availableParallelism() < 2 || spawnSync('taskset', ['--version']).status !== 0) return { proxy: [], load: [] }
  return { proxy: ['taskset', '-c', '0'], load: ['taskset', '-c', '1'] }
}

type Sample = Pick<Cell, 'requestsPerSecond' | 'cpuMicros' | 'medianMicros'>

async function measure(loader: ChildProcess, candidate: Candidate, order: LoadOrder): Promise<Sample> {
  await ask(loader, order)
  const before = candidate.pid === undefined ? undefined : cpuTime(candidate.pid)
  const { requests, errors, failure, seconds, medianMicros } = (await ask(loader, 'go')) as LoadResult
  const after = candidate.pid === undefined ? undefined : cpuTime(candidate.pid)
  if (errors > 0 || requests === 0) {
    throw new Error(`${candidate.name}, ${order.workload.name}: ${errors} errors in ${requests} requests (${failure})`)
  }
  const spent = before === undefined || after === undefined ? undefined : after - before
  return { requestsPerSecond: requests / seconds, cpuMicros: spent && spent / requests, medianMicros }
}

function ask(loader: ChildProcess, what: LoadOrder | 'go'): Promise<unknown> {
  const answer = nextMessage(loader)
  loader.send(what)
  return answer
}

const keyOf = (workload: Workload, candidate: Candidate): string => `${workload.name} ${candidate.name}`

function cellOf(workload: Workload, candidate: Candidate, samples: readonly Sample[]): Cell {
  const cpu = samples.flatMap(({ cpuMicros }) => (cpuMicros === undefined ? [] : [cpuMicros]))
  return {
    workload: workload.name,
    candidate: candidate.name,
    requestsPerSecond: median(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
    cpuMicros: cpu.length === 0 ? undefined : median(cpu),
    medianMicros: median(samples.map(({ medianMicros }) => medianMicros)),
  }
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted.length >> 1
  const high = sorted[upper] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[upper - 1] ?? Number.NaN) + high) / 2
}

function notesOf(
  { peers }: Suite,
  candidates: readonly Candidate[],
  cells: readonly Cell[],
  pinning: Pinning,
): string[] {
  const absent = peers.filter(peer => !candidates.some(({ name }) => name === peer))
  const notes = absent.map(peer => `${peer} not found: install it to compare`)
  if (cells.every(({ cpuMicros }) => cpuMicros === undefined)) {
    notes.push('no /proc here: CPU per request, which is what should be compared, is not known')
  }
  if (pinning.proxy.length === 0) notes.push('nothing is pinned (no taskset, or one cpu): proxy and load share cpus')
  return notes
}
