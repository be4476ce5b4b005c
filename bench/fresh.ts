import { spawnSync } from 'node:child_process'
import { addressOf, ask, type Door } from './door.js'
import { type Fresh, type Settings, type Spread, spreadOf } from './figures.js'
import { type Load, measure } from './load.js'
import { residentBytes } from './memory.js'
import { type Place, startProgram } from './program.js'
import { Failures, type Say } from './side-by-side.js'
import { CLEAR } from './workloads.js'

/** How long a program counts as new, in seconds. */
export const EARLY_SECONDS = 2

/** A door that is measured from the start of its program on. @property isLoaded in its first seconds under load, too */
export type FreshDoor = { readonly door: Door; readonly isLoaded: boolean }

type Start = {
  readonly startMillis: number
  readonly bytes: number | undefined
  readonly earlyMicros: number | undefined
}

/** Every program is started as many times as there are rounds, in turn. */
export async function compareStarts(
  place: Place,
  load: Load,
  doors: readonly FreshDoor[],
  settings: Settings,
  say: Say,
): Promise<{
  readonly fresh: readonly Fresh[]
  readonly bareNodeMillis: Spread | undefined
  readonly failures: readonly string[]
}> {
  const failures = new Failures()
  const failed = new Set<Door>()
  const bare: number[] = []
  const starts = doors.map(({ door, isLoaded }) => ({ door, isLoaded, found: [] as Start[] }))
  for (let round = 0; round < settings.rounds; round++) {
    bare.push(bareNode(place))
    for (const [i, { door, isLoaded, found }] of starts.entries()) {
      say(`start ${round + 1} of ${settings.rounds}: ${door.name}`, (round + i / starts.length) / settings.rounds)
      const start = failed.has(door)
        ? undefined
        : await failures.watch(door, () => oneStart(place, load, door, isLoaded, settings))
      if (start === undefined) failed.add(door)
      else found.push(start)
    }
  }
  const fresh = starts.map(({ door, found }) => ({
    door: door.name,
    startMillis: spreadOf(found.map(({ startMillis }) => startMillis)),
    bytes: spreadOf(found.map(({ bytes }) => bytes)),
    earlyMicros: spreadOf(found.map(({ earlyMicros }) => earlyMicros)),
  }))
  return { fresh, bareNodeMillis: spreadOf(bare), failures: failures.found }
}

async function oneStart(place: Place, load: Load, door: Door, isLoaded: boolean, settings: Settings): Promise<Start> {
  const { program } = door
  if (program === undefined) throw new Error(`${door.name} is no program`)
  const at = (port: number, folder: string) => addressOf(door, place, { port, folder }, CLEAR.get1k.path)
  const running = await startProgram(program, place, (port, folder) => ask(at(port, folder), CLEAR.get1k))
  try {
    const bytes = residentBytes(running.pid)
    const seconds = Math.min(EARLY_SECONDS, settings.warmUpSeconds)
    const early = isLoaded
      ? await measure(load, place, door, running, CLEAR.get1k, { ...settings, seconds })
      : undefined
    return { startMillis: running.startMillis, bytes, earlyMicros: early?.cpuMicros }
  } finally {
    await running.stop()
  }
}

function bareNode({ pinning }: Place): number {
  const [command = '', ...args] = [...pinning.proxy, process.execPath, '-e', '0']
  const startedAt = performance.now()
  spawnSync(command, args, { env: {} })
  return performance.now() - startedAt
}
