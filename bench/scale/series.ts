import { cpuBetween, readCpu } from '../cpu-clock.js'
import { addressOf, ask, type Door } from '../door.js'
import { type Spread, spreadOf } from '../figures.js'
import { type Load, measure, type Sample } from '../load.js'
import { residentBytes } from '../memory.js'
import { type Place, type Program, type Running, startProgram } from '../program.js'
import { CLEAR } from '../workloads.js'
import type { ScaleSettings } from './settings.js'

/** A daemon that is measured next to others, which differ in one size. */
export type Member = { readonly door: Door; readonly program: Program }

export type MemberFigures = {
  /** CPU from its start to its first answer, in milliseconds; nothing without /proc. */
  readonly startCpuMillis: number | undefined
  /** Resident when it had answered once. */
  readonly startBytes: number | undefined
  readonly cpuMicros: Spread | undefined
  readonly requestsPerSecond: Spread | undefined
}

/** What runs next to a round of load. @returns what is told when the round is over */
export type Aside = (running: Running) => (requests: number) => void

/** One that is up, and what was seen of it. */
type Seat = Pick<MemberFigures, 'startCpuMillis' | 'startBytes'> & {
  readonly door: Door
  readonly running: Running
  readonly samples: Sample[]
}

/** All are up at the same time and take turns; a GET of 1 KiB each. @throws when an answer is not the upstream's */
export async function measureSeries(
  place: Place,
  load: Load,
  members: readonly Member[],
  settings: ScaleSettings,
  aside: Aside = () => () => undefined,
): Promise<readonly MemberFigures[]> {
  const seats: Seat[] = []
  try {
    for (const { door, program } of members) {
      const running = await startProgram(program, place, (port, folder) =>
        ask(addressOf(door, place, { port, folder }, CLEAR.get1k.path), CLEAR.get1k),
      )
      seats.push({ door, running, ...cameUp(running.pid), samples: [] })
    }
    for (let round = 0; round <= settings.rounds; round++) {
      for (const { door, running, samples } of seats) {
        const seconds = round === 0 ? settings.warmUpSeconds : settings.seconds
        const tell = round > 0 ? aside(running) : undefined
        const sample = await measure(load, place, door, running, CLEAR.get1k, { ...settings, seconds })
        tell?.(sample.requestsPerSecond * seconds)
        if (round > 0) samples.push(sample)
      }
    }
    return seats.map(({ startCpuMillis, startBytes, samples }) => ({
      ...{ startCpuMillis, startBytes },
      cpuMicros: spreadOf(samples.map(({ cpuMicros }) => cpuMicros)),
      requestsPerSecond: spreadOf(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
    }))
  } finally {
    await Promise.all(seats.map(({ running }) => running.stop()))
  }
}

function cameUp(pid: number): Pick<MemberFigures, 'startCpuMillis' | 'startBytes'> {
  const spent = readCpu(pid)
  const nothing = { micros: 0, threads: new Map<string, number>() }
  return { startCpuMillis: spent && cpuBetween(nothing, spent) / 1_000, startBytes: residentBytes(pid) }
}
