import { writeSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { InsideReadings } from './readings.js'

/**
 * Loaded into the daemon's process before it starts: at SIGUSR2 it collects garbage and says what lives, in a line on
 * descriptor 4. From outside only the size of the heap can be seen, which is mostly garbage and spare room.
 */
const FD = 4
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

process.on('SIGUSR2', () => {
  collect()
  // The first one finalizes what the second one frees.
  collect()
  const handles: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    // Of this turn of the event loop: it is over in the next.
    if (kind !== 'Immediate') handles[kind] = (handles[kind] ?? 0) + 1
  }
  const { heapUsed, external } = process.memoryUsage()
  writeSync(FD, `${JSON.stringify({ live: heapUsed + external, handles } satisfies InsideReadings)}\n`)
})
