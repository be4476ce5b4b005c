import { setTimeout as sleep } from 'node:timers/promises'
import type { Sandbox } from '../../child/sandbox.js'
import { openConnection } from '../load-connection.js'
import { type Observed, promisesOf, type SoakPromise } from './promises.js'
import { type Readings, waitedForCpu } from './readings.js'
import { ask, openScene, type Scene } from './scene.js'
import { type SoakSettings, totalOf, type UpstreamReport } from './settings.js'
import type { Tally } from './tally.js'
import type { TunnelsReport } from './tunnels-process.js'
import type { WatchedDaemon } from './watched-daemon.js'

export type SoakResult = Observed & {
  readonly settings: SoakSettings
  readonly notes: readonly string[]
  readonly promises: readonly SoakPromise[]
  /** What the daemon ran under. */
  readonly configuration: string
}

type Say = (text: string, share: number) => void

/** At rest it looks the same so many times; in between so many milliseconds. */
const LOOKS = 5
const LOOK = 250
/** Beyond the longest request, in milliseconds: what is left to do when nobody asks any more, and for each tunnel. */
const REST = 2_000
const REST_OF_TUNNEL = 4
/** Between two looks at whether it is over, in milliseconds. */
const SAMPLE = 500
/** The daemon is weighed so many times, and no sooner again than after so many seconds: it stands still for it. */
const WEIGHINGS = 40
const WEIGH = 2
/** From here on waiting for a CPU is worth a word: what took too long may have taken it there. */
const STARVING = 0.2
/** A drain with nothing to wait for, in milliseconds. */
const END_PATIENCE = 10_000
/** The longest warm-up, and what is said to be needed besides load and warm-up, in seconds. */
const WARM_UP = 10
const RESTS = 15
/** Ids of the two phases, far from each other. */
const FIRST_ID = 1
const LOADED_ID = 50_000_000

/** A daemon under everything at once, for as long as was asked. @param say told what is going on, and how much of all is over */
export async function runSoak(
  sandbox: Sandbox,
  settings: SoakSettings,
  notes: readonly string[],
  say: Say,
): Promise<SoakResult> {
  const warm = Math.min(WARM_UP, settings.seconds / 4)
  const step = (text: string, seconds: number) => say(text, Math.min(1, seconds / (settings.seconds + warm + RESTS)))
  step('starting', 0)
  const scene = await openScene(sandbox, settings)
  const { daemon, upstream, configuration } = scene
  step('warming up', 0)
  await warmUp(scene, settings, warm)
  step('coming to rest', warm)
  const before = await atRest(daemon, settings)
  step(`opening ${settings.tunnels} tunnels`, warm + RESTS / 3)
  const idle = await openTunnels(scene, settings)
  const loaded = await underLoad(scene, settings, (text, seconds) => step(text, warm + RESTS / 2 + seconds))
  step('coming to rest', settings.seconds + warm + RESTS / 2)
  const after = await restAfter(scene, settings, before)
  const report = (await ask(upstream, 'report')) as UpstreamReport
  const exitCode = await daemon.end(END_PATIENCE)
  const { points, tally, tunnels, starved } = loaded
  const said = { leaks: daemon.leaks(), complaints: daemon.complaints() }
  const seen: Observed = { tally, upstream: report, tunnels, before, idle, after, points, ...said, exitCode }
  const all = [...notes, ...starvation(starved)]
  return { settings, notes: all, promises: promisesOf(seen), ...seen, configuration }
}

async function warmUp(scene: Scene, settings: SoakSettings, seconds: number): Promise<void> {
  await startLoad(scene, settings, FIRST_ID)
  await sleep(seconds * 1_000)
  await ask(scene.loader, { kind: 'stop' })
}

/** What the daemon is with them, while nobody says anything. */
async function openTunnels({ daemon, tunneler, ports }: Scene, { tunnels }: SoakSettings): Promise<Readings> {
  await ask(tunneler, { kind: 'open', proxy: daemon.port, echo: ports.echo, count: tunnels })
  return daemon.read()
}

async function underLoad(scene: Scene, settings: SoakSettings, tell: (text: string, seconds: number) => void) {
  const { daemon, loader, tunneler, canary } = scene
  await ask(tunneler, { kind: 'speak' })
  await startLoad(scene, settings, LOADED_ID, settings.spoils.includes('secret') ? canary : undefined)
  const waited = waitedForCpu(daemon.pid) ?? 0
  const points = await steady(scene, settings, seconds => tell('under load', seconds))
  const starved = ((waitedForCpu(daemon.pid) ?? 0) - waited) / 1_000 / settings.seconds
  tell('waiting for the last answers', settings.seconds)
  const tally = (await ask(loader, { kind: 'stop' })) as Tally
  const tunnels = (await ask(tunneler, { kind: 'close' })) as TunnelsReport
  return { points, starved, tally, tunnels }
}

async function restAfter({ daemon, ports }: Scene, settings: SoakSettings, before: Readings): Promise<Readings> {
  const way = { port: daemon.port, secureContext: undefined, tunnel: `127.0.0.1:${ports.echo}` }
  const leaked = settings.spoils.includes('socket') ? await openConnection(way) : undefined
  const after = await atRest(daemon, settings, before)
  leaked?.destroy()
  return after
}

async function startLoad(
  { daemon, ports, roots, secrets, loader }: Scene,
  { connections, seed }: SoakSettings,
  firstId: number,
  betray?: string,
): Promise<void> {
  const where = { proxy: daemon.port, upstream: ports, roots, secrets }
  await ask(loader, { kind: 'start', ...where, connections, seed: seed + firstId, firstId, betray })
}

/** @param share of the time that the daemon wanted a CPU and got none */
const starvation = (share: number): readonly string[] =>
  share < STARVING ? [] : [`others used the CPUs: the daemon waited for one ${Math.round(share * 100)} % of the time`]

/** Looks at the daemon while the load runs; what it still grows into in the first quarter is not growth. */
async function steady({ daemon, loader }: Scene, { seconds }: SoakSettings, tell: (seconds: number) => void) {
  const points: Observed['points'][number][] = []
  const every = Math.max(WEIGH, seconds / WEIGHINGS)
  const startedAt = performance.now()
  const spent = () => (performance.now() - startedAt) / 1_000
  for (let next = seconds / 4; spent() < seconds; ) {
    tell(spent())
    if (spent() >= next) {
      points.push({ count: Number(await ask(loader, { kind: 'count' })), ...(await daemon.weigh()) })
      next = spent() + every
    }
    await sleep(Math.min(SAMPLE, (seconds - spent()) * 1_000))
  }
  return points
}

/** When descriptors and handles change no more, or are no more than they were. */
async function atRest(daemon: WatchedDaemon, settings: SoakSettings, target?: Readings): Promise<Readings> {
  const dueAt = performance.now() + totalOf(settings) + REST + settings.tunnels * REST_OF_TUNNEL
  let last = await daemon.read()
  for (let looks = 0; looks < LOOKS && performance.now() < dueAt; ) {
    await sleep(LOOK)
    const now = await daemon.read()
    const isSame = shapeOf(now) === shapeOf(last)
    looks = isSame && (target === undefined || !exceeds(now, target)) ? looks + 1 : 0
    last = now
  }
  return last
}

const shapeOf = ({ descriptors, handles }: Readings): string => JSON.stringify([descriptors, handles])

const exceeds = (now: Readings, target: Readings): boolean =>
  Object.entries(now.descriptors).some(([kind, count]) => count > (target.descriptors[kind] ?? 0)) ||
  Object.entries(now.handles).some(([kind, count]) => count > (target.handles[kind] ?? 0))
