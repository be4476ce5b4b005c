import type { Workload } from '../src/bench/workloads.js'
import { type Address, addressOf, ask, type Door } from './door.js'
import { type Row, type Settings, spreadOf } from './figures.js'
import { type Load, measure, type Sample } from './load.js'
import { residentBytes } from './memory.js'
import { type Place, type Program, type Running, startProgram } from './program.js'

/** Told what is being done, and how much of this part was, 0 to 1. */
export type Say = (text: string, share: number) => void

export type Compared = {
  readonly rows: readonly Row[]
  readonly loadedBytes: ReadonlyMap<string, number>
  readonly noise: readonly number[]
  readonly failures: readonly string[]
}

type Cell = { readonly door: Door; readonly workload: Workload; readonly samples: Sample[] }

/** Peers that failed, and why: nobody is measured while failing, and the others are not kept from it. */
export class Failures {
  readonly #found: string[] = []

  get found(): readonly string[] {
    return this.#found
  }

  /** @returns `undefined` when it failed @throws when that was no peer */
  async watch<T>({ name, program }: Door, body: () => Promise<T>): Promise<T | undefined> {
    try {
      return await body()
    } catch (error) {
      if (program === undefined || program.name.startsWith('mulligan')) throw error
      const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
      this.#found.push(why.startsWith(name) ? why : `${name}: ${why}`)
      return undefined
    }
  }
}

/** Every door under every workload. Rounds are interleaved: what disturbs the machine disturbs everybody. */
export async function compare(
  place: Place,
  load: Load,
  doors: readonly Door[],
  workloads: readonly Workload[],
  settings: Settings,
  say: Say,
): Promise<Compared> {
  const running = new Map<Program, Running>()
  const failures = new Failures()
  const failed = new Set<Cell>()
  try {
    say('starting', 0)
    const up = await startAll(place, doors, workloads[0], running, failures)
    const cells = workloads.flatMap(workload => up.flatMap(door => cellOf(door, workload)))
    for (let round = 0; round <= settings.rounds; round++) {
      // There and back: whoever always came right behind others would find the cpu's caches full of theirs.
      for (const [i, cell] of (round % 2 === 0 ? cells : cells.toReversed()).entries()) {
        const { door, workload } = cell
        if (failed.has(cell)) continue
        const stage = round === 0 ? 'warm-up' : `round ${round} of ${settings.rounds}`
        say(`${stage}: ${workload.name}, ${door.name}`, (round + i / cells.length) / (settings.rounds + 1))
        const asked = { ...settings, seconds: secondsOf(workload, round === 0, workload === workloads[0], settings) }
        const at = seatOf(door, place, running)
        const sample = await failures.watch(door, () => measure(load, place, door, at, workload, asked))
        if (sample === undefined) failed.add(cell)
        else if (round > 0) cell.samples.push(sample)
      }
    }
    return {
      ...comparedOf(
        cells.filter(cell => !failed.has(cell)),
        up,
        running,
      ),
      failures: failures.found,
    }
  } finally {
    await Promise.all([...running.values()].map(one => one.stop()))
  }
}

/** A connection of HTTP/2 is made for many requests. */
const cellOf = (door: Door, workload: Workload): readonly Cell[] =>
  door.h2 && workload.renewed !== undefined ? [] : [{ door, workload, samples: [] }]

/** @returns the doors that answer */
async function startAll(
  place: Place,
  doors: readonly Door[],
  workload: Workload | undefined,
  running: Map<Program, Running>,
  failures: Failures,
): Promise<readonly Door[]> {
  if (workload === undefined) return []
  const up: Door[] = []
  for (const door of doors) {
    const { program } = door
    const at = (port: number, folder: string): Address => addressOf(door, place, { port, folder }, workload.path)
    if (program === undefined) await ask(at(place.upstream, ''), workload)
    else if (!running.has(program)) {
      const started = await failures.watch(door, () =>
        startProgram(program, place, (port, folder) => ask(at(port, folder), workload)),
      )
      if (started === undefined) continue
      running.set(program, started)
    }
    up.push(door)
  }
  return up
}

function seatOf({ program }: Door, { upstream }: Place, running: ReadonlyMap<Program, Running>) {
  const found = program && running.get(program)
  return { pid: found?.pid, port: found?.port ?? upstream, folder: found?.folder ?? '' }
}

/** Latency needs fewer requests than CPU time, which is counted in hundredths of a second. */
function secondsOf({ lanes }: Workload, isWarmUp: boolean, isFirst: boolean, settings: Settings): number {
  if (isWarmUp) return isFirst ? settings.warmUpSeconds : settings.seconds / 2
  return lanes === 1 ? settings.seconds / 2 : settings.seconds
}

function comparedOf(
  cells: readonly Cell[],
  doors: readonly Door[],
  running: ReadonlyMap<Program, Running>,
): Omit<Compared, 'failures'> {
  const loadedBytes = new Map<string, number>()
  for (const { name, program } of doors) {
    const found = program && running.get(program)
    const bytes = found && residentBytes(found.pid)
    if (bytes !== undefined) loadedBytes.set(name, bytes)
  }
  const rows = cells.map(({ door, workload, samples }) => ({
    door: door.name,
    workload: workload.name,
    cpuMicros: spreadOf(samples.map(({ cpuMicros }) => cpuMicros)),
    requestsPerSecond: spreadOf(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
    p50Micros: spreadOf(samples.map(({ p50Micros }) => p50Micros)),
    p99Micros: spreadOf(samples.map(({ p99Micros }) => p99Micros)),
  }))
  const noise = cells.flatMap(({ samples }) => samples.flatMap(sample => sample.noise ?? []))
  return { rows, loadedBytes, noise }
}
