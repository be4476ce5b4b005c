import { growth, type Readings, slopeOf, type Weight } from './readings.js'
import type { UpstreamReport } from './settings.js'
import type { Tally } from './tally.js'
import type { TunnelsReport } from './tunnels-process.js'

/** All that was seen of one run. */
export type Observed = {
  readonly tally: Tally
  readonly upstream: UpstreamReport
  readonly tunnels: TunnelsReport
  /** At rest: after the warm-up, with idle tunnels besides, and at the end. */
  readonly before: Readings
  readonly idle: Readings
  readonly after: Readings
  /** While the load was steady: answered requests, and what the daemon weighed. */
  readonly points: readonly (Weight & { readonly count: number })[]
  /** Secrets in what the daemon wrote. */
  readonly leaks: number
  readonly complaints: Readonly<Record<string, number>>
  /** Of the daemon at SIGTERM; `undefined` when it was dead, or did not end. */
  readonly exitCode: number | undefined
}

/** @property met `undefined` where the run was too short or too small to tell */
export type SoakPromise = {
  readonly name: string
  readonly value: number
  readonly most: number
  readonly met: boolean | undefined
}

const MIB = 1_048_576
/** Fewer say nothing about one. */
const TUNNELS_MIN = 2_000
/** Requests of the steady phase from which on a slope is one. */
const REQUESTS_MIN = 100_000

export function promisesOf(seen: Observed): readonly SoakPromise[] {
  const { tally, upstream, tunnels, before, after } = seen
  const bugs = Object.entries(seen.complaints).filter(([what]) => /^(?:bug|error):/.test(what))
  return [
    none('requests without key or idempotent method repeated after they may have acted', upstream.bareRepeats),
    none('effects done twice, where once was asked for', upstream.duplicates + upstream.otherKeys),
    none("answers or bytes that are somebody else's", tally.foreign + tunnels.foreign),
    none('cut answers and uploads that passed as whole', tally.cutAsWhole + upstream.cutUploads),
    none('5xx, broken answers and silences that nothing explains', sum(tally.unexplained)),
    none('secrets in output, in answers, or sent where they do not belong', leaksOf(seen)),
    none('tunnels lost', tunnels.lost + (tunnels.failure === undefined ? 0 : 1)),
    none('bugs and errors that the daemon reports', sum(Object.fromEntries(bugs))),
    none('daemon ended otherwise than with 0 at SIGTERM', seen.exitCode === 0 ? 0 : 1),
    none('descriptors open beyond those before', sum(growth(before.descriptors, after.descriptors))),
    none('handles and timers alive beyond those before', sum(growth(before.handles, after.handles))),
    ...memoryPromises(seen),
  ]
}

const leaksOf = ({ leaks, tally, upstream }: Observed): number => leaks + tally.leaks + upstream.strayTokens

function memoryPromises({ before, idle, after, points, tunnels }: Observed): readonly SoakPromise[] {
  const perTunnel = (idle.memory.anonymous - before.memory.anonymous) / 1_024 / Math.max(1, tunnels.opened)
  const requests = (points.at(-1)?.count ?? 0) - (points[0]?.count ?? 0)
  const slope = ((slopeOf(points.map(({ count, live }) => ({ count, value: live }))) ?? 0) * 100_000) / MIB
  return [
    atMost('MiB alive beyond those before', (after.live - before.live) / MIB, 10),
    atMost('KiB per idle tunnel', perTunnel, 15, tunnels.opened >= TUNNELS_MIN),
    atMost('MiB alive that it gains per 100,000 requests', slope, 5, requests >= REQUESTS_MIN),
  ]
}

const none = (name: string, value: number): SoakPromise => atMost(name, value, 0)

/** @param tells the run was long enough for it */
function atMost(name: string, value: number, most: number, tells = true): SoakPromise {
  const rounded = Math.round(value * 100) / 100
  return { name, value: rounded, most, met: tells ? rounded <= most : undefined }
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)
