import type { ChildProcess } from 'node:child_process'
import { endChild } from '../src/child/sandbox.js'
import { nextMessage, spawnScript } from '../src/child/script-process.js'
import { openFilesLimit } from '../src/config/open-files-limit.js'
import type { Door } from './door.js'
import type { IdleTunnels, Settings } from './figures.js'
import { residentBytes } from './memory.js'
import { type Place, startProgram } from './program.js'
import { Failures, type Say } from './side-by-side.js'
import type { TunnelOrder } from './tunnels-process.js'

/** Files that a proxy may need for itself, and for clients that it has no place for. */
const OWN_FILES = 1_024

/** Opened and closed before it is counted: what is needed once is there then. */
const FIRST = 100

/** What a tunnel costs that nobody uses. Each has carried some bytes both ways. */
export async function measureIdleTunnels(
  place: Place,
  doors: readonly Door[],
  settings: Settings,
  say: Say,
): Promise<{ readonly tunnels: readonly IdleTunnels[]; readonly failures: readonly string[] }> {
  const failures = new Failures()
  // A tunnel is two files, for the proxy and for the process with both ends.
  const count = Math.min(settings.tunnels, Math.floor(((openFilesLimit() ?? 1_024) - OWN_FILES) / 2))
  const found: IdleTunnels[] = []
  for (const [i, door] of doors.entries()) {
    say(`${count} idle tunnels: ${door.name}`, i / doors.length)
    const tunnels = await failures.watch(door, async () => ({
      door: door.name,
      count,
      bytesEach: await bytesEach(place, door, count),
    }))
    if (tunnels !== undefined) found.push(tunnels)
  }
  return { tunnels: found, failures: failures.found }
}

async function bytesEach(place: Place, { name, program }: Door, count: number): Promise<number | undefined> {
  if (program === undefined) throw new Error(`${name} is no program`)
  const ends = spawnScript(place.sandbox, new URL('./tunnels-process.js', import.meta.url), [], place.pinning.load)
  await nextMessage(ends)
  const running = await startProgram(program, place, port => open(ends, { port, count: 1, probe: true }))
  try {
    const { pid, port } = running
    await open(ends, { port, count: FIRST, probe: true })
    const before = residentBytes(pid)
    await open(ends, { port, count })
    const after = residentBytes(pid)
    return before === undefined || after === undefined ? undefined : (after - before) / count
  } finally {
    // First the tunnels' ends: a daemon that drains waits for them.
    await endChild(ends)
    await running.stop()
  }
}

/** @throws when one of them cannot be opened */
async function open(ends: ChildProcess, order: TunnelOrder): Promise<void> {
  const answer = nextMessage(ends)
  ends.send(order)
  const word = await answer
  if (word !== 'open') throw new Error(String(word))
}
