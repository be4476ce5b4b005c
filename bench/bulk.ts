import type { ChildProcess } from 'node:child_process'
import { nextMessage, spawnScript } from '../src/child/script-process.js'
import type { BulkOrder, BulkResult } from './bulk-process.js'
import { cpuBetween, readCpu } from './cpu-clock.js'
import { addressOf, type Door } from './door.js'
import { type Bulk, type Settings, spreadOf } from './figures.js'
import { forgetPeak, peakBytes, residentBytes } from './memory.js'
import { type Place, startProgram } from './program.js'
import { Failures, type Say } from './side-by-side.js'

type Transfer = {
  readonly growthBytes: number | undefined
  readonly cpuMillis: number | undefined
  readonly seconds: number
}

/** A body that is sent first: a program that has not answered yet has not read all of its own code. */
const FIRST = 65_536

/** A long body down and up, each time through a program that was just started: memory that it has once, it keeps. */
export async function compareBulk(
  given: Place,
  doors: readonly Door[],
  settings: Settings,
  say: Say,
): Promise<{ readonly bulk: readonly Bulk[]; readonly failures: readonly string[] }> {
  const failures = new Failures()
  const ends = spawnScript(given.sandbox, new URL('./bulk-process.js', import.meta.url), [], given.pinning.load)
  const place: Place = { ...given, upstream: Number(await nextMessage(ends)), isBulk: true }
  const cells = doors.flatMap(door =>
    (['down', 'up'] as const).map(direction => ({ door, direction, found: [] as Transfer[] })),
  )
  for (let round = 0; round < settings.bulkRounds; round++) {
    for (const [i, { door, direction, found }] of cells.entries()) {
      const share = (round + i / cells.length) / settings.bulkRounds
      say(`long body ${direction}, round ${round + 1} of ${settings.bulkRounds}: ${door.name}`, share)
      const transfer = await failures.watch(door, () => oneTransfer(place, ends, door, direction, settings.bulkBytes))
      if (transfer !== undefined) found.push(transfer)
    }
  }
  const bulk = cells.map(({ door, direction, found }) => ({
    door: door.name,
    direction,
    growthBytes: spreadOf(found.map(({ growthBytes }) => growthBytes)),
    cpuMillis: spreadOf(found.map(({ cpuMillis }) => cpuMillis)),
    seconds: spreadOf(found.map(({ seconds }) => seconds)),
  }))
  return { bulk, failures: failures.found }
}

async function oneTransfer(
  place: Place,
  ends: ChildProcess,
  door: Door,
  direction: 'down' | 'up',
  bytes: number,
): Promise<Transfer> {
  const { program } = door
  if (program === undefined) throw new Error(`${door.name} is no program`)
  const transfer = (port: number, folder: string, length: number) =>
    tell(ends, { ...addressOf(door, place, { port, folder }, '/bulk'), direction, bytes: length })
  const running = await startProgram(program, place, async (port, folder) => {
    const { failure } = await transfer(port, folder, FIRST)
    if (failure !== undefined) throw new Error(failure)
  })
  try {
    const { pid, port, folder } = running
    const resident = residentBytes(pid)
    forgetPeak(pid)
    const before = readCpu(pid)
    const { seconds, failure } = await transfer(port, folder, bytes)
    const after = readCpu(pid)
    const peak = peakBytes(pid)
    if (failure !== undefined) throw new Error(`${door.name}, ${bytes} bytes ${direction}: ${failure}`)
    return {
      seconds,
      growthBytes: resident === undefined || peak === undefined ? undefined : Math.max(0, peak - resident),
      cpuMillis: before && after && cpuBetween(before, after) / 1_000,
    }
  } finally {
    await running.stop()
  }
}

async function tell(ends: ChildProcess, order: BulkOrder): Promise<BulkResult> {
  const answer = nextMessage(ends)
  ends.send(order)
  return (await answer) as BulkResult
}
