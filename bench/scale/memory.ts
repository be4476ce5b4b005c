import type { ChildProcess } from 'node:child_process'
import type { Weight } from '../../src/bench/soak/readings.js'
import { endChild } from '../../src/child/sandbox.js'
import { nextMessage, spawnScript } from '../../src/child/script-process.js'
import { openFilesLimit } from '../../src/config/open-files-limit.js'
import { addressOf, type Door } from '../door.js'
import { mulliganAuthority } from '../mulligan-programs.js'
import type { Place } from '../program.js'
import type { TunnelOrder } from '../tunnels-process.js'
import { CLEAR } from '../workloads.js'
import type { HoldOrder } from './holder-process.js'
import type { Scene } from './scene.js'
import { count as counted, kib, type Table } from './table.js'
import { startWeighed, type WeighedDaemon } from './weighed-daemon.js'

/** Files that a process may need for itself. */
const OWN_FILES = 1_024

/** As many as the program remembers, and those before them. */
const EXCHANGES = 900

/** The part that is there before it is counted: what is needed once is there then. */
const FIRST = 8

/** Something that a daemon may hold very many of. */
type Held = {
  readonly name: string
  /** At most so many. */
  readonly most: number
  readonly yaml?: string
  readonly script: URL
  /** How to have so many more. */
  readonly orders: (count: number, daemon: WeighedDaemon) => HoldOrder | TunnelOrder
  /** What must be there first, as often as it will be counted. */
  readonly before?: (count: number, daemon: WeighedDaemon) => HoldOrder
  /** What a process shows is not memory that it will need. */
  readonly isSmall?: true
}

export async function measureMemory(scene: Scene): Promise<readonly Table[]> {
  const rows: (readonly string[])[] = []
  const kinds = kindsOf(scene)
  for (const [i, kind] of kinds.entries()) {
    scene.say(`memory: ${kind.name}`, i / kinds.length)
    const { count, live, anonymous } = await weigh(scene, kind)
    rows.push([kind.name, kib(live, 2), kind.isSmall ? '-' : kib(anonymous), counted(count)])
  }
  const table: Table = {
    title: 'Memory, each',
    notes: [
      'Live is what JavaScript holds after a full garbage collection, resident what the process takes from the machine: two sizes of one daemon, their difference over so many. The kernel needs its own for every socket.',
    ],
    head: ['', 'KiB live', 'KiB resident', 'of'],
    rows,
  }
  return [table]
}

const HOLDER = new URL('./holder-process.js', import.meta.url)

function kindsOf({ place, tlsPlace, settings }: Scene): readonly Held[] {
  const clear: Door = { name: 'clear', program: undefined, form: 'absolute' }
  const opened: Door = { ...clear, tls: mulliganAuthority }
  const files = (openFilesLimit() ?? 1_024) - OWN_FILES
  // The daemon gives its clients half of the files that it may open, and a tunnel has two ends.
  const half = { script: HOLDER, most: Math.min(settings.held, Math.floor(files / 2) - OWN_FILES) }
  const order =
    (kind: HoldOrder['kind'], door = clear, at = place) =>
    (count: number, daemon: WeighedDaemon): HoldOrder => ({
      kind,
      count,
      ...addressOf(door, at, daemon, CLEAR.get1k.path),
    })
  const connections = order('connections')
  return [
    { ...half, name: 'idle client connection', orders: connections },
    { ...half, name: 'idle client connection, `fast_lane: off`', yaml: SLOW, orders: connections },
    {
      ...half,
      name: 'idle client connection, TLS opened',
      yaml: tlsYaml(tlsPlace),
      orders: order('connections', opened, tlsPlace),
    },
    { ...half, name: 'idle upstream connection', orders: order('together'), before: connections },
    {
      ...half,
      name: 'idle tunnel, both ends',
      script: new URL('../tunnels-process.js', import.meta.url),
      orders: (count, { port }) => ({ port, count }),
    },
    { ...half, name: 'known origin', orders: order('origins'), isSmall: true },
    {
      ...half,
      most: Math.min(settings.held, EXCHANGES),
      name: 'remembered exchange',
      orders: order('ask'),
      isSmall: true,
    },
  ]
}

const DEFAULT = `version: 1
limits: { connections: 1000000 }
routes:
  - name: all
    match: { host: "*" }
`

const SLOW = `${DEFAULT}listen: { fast_lane: false }\n`

const tlsYaml = ({ roots }: Place): string => `${DEFAULT}    tls: intercept
egress: { ca_file: ${JSON.stringify(roots)} }
`

/** What one more takes: how much a daemon grows from a few of them to very many. */
async function weigh(
  scene: Scene,
  { most, yaml = DEFAULT, script, orders, before }: Held,
): Promise<Weight & { readonly count: number }> {
  const { place } = scene
  const first = Math.ceil(most / FIRST)
  const count = most - first
  const holder = spawnScript(place.sandbox, script, [], place.pinning.load)
  await nextMessage(holder)
  const daemon = await startWeighed(scene, yaml)
  try {
    if (before === undefined) await tell(holder, orders(first, daemon))
    else await tell(holder, before(count, daemon))
    const small = await daemon.weigh()
    await tell(holder, orders(count, daemon))
    const large = await daemon.weigh()
    return { count, live: (large.live - small.live) / count, anonymous: (large.anonymous - small.anonymous) / count }
  } finally {
    // First who holds: a daemon that drains waits for it.
    await endChild(holder)
    await daemon.stop()
  }
}

/** @throws with what it says when it could not */
async function tell(holder: ChildProcess, order: HoldOrder | TunnelOrder): Promise<void> {
  const answer = nextMessage(holder)
  holder.send(order)
  const word = await answer
  if (word !== 'done' && word !== 'open') throw new Error(String(word))
}
