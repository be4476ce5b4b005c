import { spawnSync } from 'node:child_process'
import { startScript } from '../src/bench/local-server.js'
import { pin } from '../src/bench/measure.js'
import { keepUpstreamCertificate } from '../src/bench/upstream-certificate.js'
import type { Sandbox } from '../src/child/sandbox.js'
import { compareBulk } from './bulk.js'
import { TLS_NAME } from './door.js'
import {
  absentPeers,
  bulkDoors,
  clearDoors,
  findPeers,
  freshDoors,
  idleDoors,
  keyedDoors,
  type Peer,
  type Peers,
  tlsDoors,
} from './doors.js'
import { type Figures, type Settings, spreadOf } from './figures.js'
import { compareStarts } from './fresh.js'
import { measureIdleTunnels } from './idle-tunnels.js'
import { type Load, startLoad } from './load.js'
import { describeMachine } from './machine.js'
import { type MulliganPrograms, mulliganPrograms } from './mulligan-programs.js'
import type { Place } from './program.js'
import { compare, type Say } from './side-by-side.js'
import { CLEAR, KEYED, TLS } from './workloads.js'

/** Everybody who takes part, and what they need. */
type Scene = {
  readonly place: Place
  /** The same with an upstream that speaks TLS. */
  readonly tlsPlace: Place
  readonly load: Load
  readonly peers: Peers
  readonly ours: MulliganPrograms
  readonly settings: Settings
  readonly say: Say
}

type Found = Pick<Figures, 'rows' | 'fresh' | 'bareNodeMillis' | 'bulk' | 'tunnels' | 'loadedBytes' | 'failures'> & {
  readonly noise: readonly number[]
}

const NOTHING: Found = {
  rows: [],
  fresh: [],
  bareNodeMillis: undefined,
  bulk: [],
  tunnels: [],
  loadedBytes: new Map(),
  failures: [],
  noise: [],
}

/** In this order, each with programs that were just started. */
const MEASURES = {
  starts: ({ place, load, peers, ours, settings, say }: Scene) =>
    compareStarts(place, load, freshDoors(peers, ours), settings, say),
  clear: ({ place, load, peers, ours, settings, say }: Scene) =>
    compare(place, load, clearDoors(peers, ours), Object.values(CLEAR), settings, say),
  keys: ({ place, load, ours, settings, say }: Scene) =>
    compare(place, load, keyedDoors(ours), Object.values(KEYED), settings, say),
  tls: ({ tlsPlace, load, peers, ours, settings, say }: Scene) =>
    compare(tlsPlace, load, tlsDoors(peers, ours), Object.values(TLS), settings, say),
  bulk: ({ place, peers, ours, settings, say }: Scene) => compareBulk(place, bulkDoors(peers, ours), settings, say),
  tunnels: ({ place, peers, ours, settings, say }: Scene) =>
    measureIdleTunnels(place, idleDoors(peers, ours), settings, say),
} as const satisfies Record<string, (scene: Scene) => Promise<Partial<Found>>>

export type Part = keyof typeof MEASURES
export const PARTS = Object.keys(MEASURES) as readonly Part[]

/** @property program the `bin/mulligan.js` that is measured */
export type Wanted = {
  readonly program: string
  readonly parts: readonly Part[]
  readonly peers: readonly Peer[]
  readonly settings: Settings
}

export async function measureAll(sandbox: Sandbox, wanted: Wanted, say: Say): Promise<Figures> {
  const scene = await startScene(sandbox, wanted, say)
  const found: Found[] = []
  for (const part of wanted.parts) found.push({ ...NOTHING, ...(await MEASURES[part](scene)) })
  return {
    machine: describeMachine(scene.peers, scene.place.pinning.proxy.length > 0),
    settings: wanted.settings,
    rows: found.flatMap(({ rows }) => rows),
    fresh: found.flatMap(({ fresh }) => fresh),
    bareNodeMillis: found.find(({ bareNodeMillis }) => bareNodeMillis !== undefined)?.bareNodeMillis,
    bulk: found.flatMap(({ bulk }) => bulk),
    tunnels: found.flatMap(({ tunnels }) => tunnels),
    // A route may be compared in two parts: what it holds is told of the first.
    loadedBytes: new Map(found.toReversed().flatMap(({ loadedBytes }) => [...loadedBytes])),
    noise: spreadOf(found.flatMap(({ noise }) => noise)),
    failures: found.flatMap(({ failures }) => failures),
    absent: absentPeers(wanted.peers, scene.peers),
  }
}

async function startScene(sandbox: Sandbox, { program, peers, settings }: Wanted, say: Say): Promise<Scene> {
  const pinning = pin()
  // This program asks while others start, and must take nothing from them.
  if (pinning.load.length > 0) spawnSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)])
  const { roots, certificate, key } = await keepUpstreamCertificate(sandbox.folder, TLS_NAME)
  const script = new URL('../src/bench/upstream-process.js', import.meta.url)
  const upstream = await startScript(sandbox, script, [], pinning.load)
  const overTls = await startScript(sandbox, script, [certificate, key], pinning.load)
  const place: Place = { sandbox, pinning, upstream: upstream.port, roots, isBulk: false }
  return {
    place,
    tlsPlace: { ...place, upstream: overTls.port },
    load: await startLoad(place),
    peers: findPeers(peers),
    ours: mulliganPrograms(program),
    settings,
    say,
  }
}
