import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { scriptNames } from '../names.js'
import { onStandstill } from './standstill.js'

/**
 * Loaded into the daemon's process before the daemon (`--import`): tells the parent what runs in there, and scripts the
 * names that must not resolve.
 */
export type Inside = {
  /** What keeps the event loop busy, by kind: sockets, servers, timers, requests. */
  readonly active: Readonly<Record<string, number>>
  /** After a full collection of garbage, in bytes. */
  readonly rss: number
  readonly heap: number
}

const names = scriptNames({ teardown: () => undefined })
names.fail('broken-resolver.test', 'EAI_AGAIN')
names.fail('silent-resolver.test', 'silent')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function look(): Inside {
  collect()
  const active: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) active[kind] = (active[kind] ?? 0) + 1
  const { rss, heapUsed } = process.memoryUsage()
  return { active, rss, heap: heapUsed }
}

process.on('message', () => process.send?.(look()))
onStandstill(() => process.send?.('held up'))
// The parent's interest must not keep the daemon alive when it has been told to end.
process.channel?.unref()
