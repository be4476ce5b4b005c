import type { RouteName } from './errand.js'

/** Promises that can be broken on purpose, to see that it is noticed. */
export const SPOILS = ['effect', 'answer', 'cut', 'secret', 'socket'] as const
export type Spoil = (typeof SPOILS)[number]

export type SoakSettings = {
  /** Of the load; warm-up and rest come on top. */
  readonly seconds: number
  readonly connections: number
  /** As many as were asked for, or as the open files allow. */
  readonly tunnels: number
  readonly seed: number
  readonly spoils: readonly Spoil[]
}

/** One attempt, in milliseconds: within it everything answers that answers at all. */
export const patienceOf = ({ seconds }: Pick<SoakSettings, 'seconds'>): number =>
  Math.min(10_000, Math.max(2_000, seconds * 100))

/** A whole request, waits and all, in milliseconds. */
export const totalOf = (settings: Pick<SoakSettings, 'seconds'>): number => 2 * patienceOf(settings)

/** Of `limits.connections`; where more of it is in use, the daemon closes what is silent, tunnels too. */
const ROOM = 0.92
/** Lanes have more than one connection at times, and clients come that are no lanes. */
const clientsOf = (connections: number): number => Math.ceil(connections * 1.3) + 60

/** Client connections that the daemon has to allow. */
export const roomFor = ({ connections, tunnels }: Pick<SoakSettings, 'connections' | 'tunnels'>): number =>
  Math.ceil((clientsOf(connections) + tunnels) / ROOM)

/** As many tunnels as fit next to the connections: the daemon uses half of the files that it may open for clients. */
export const fittingTunnels = (asked: number, connections: number, openFiles: number | undefined): number =>
  openFiles === undefined
    ? asked
    : Math.max(0, Math.min(asked, Math.floor((openFiles / 2) * ROOM) - clientsOf(connections)))

/** Where the daemon has a mount. */
export const MOUNT = '/soak-mount'

/** Where the upstream listens. */
export type UpstreamPorts = Readonly<Record<RouteName | 'echo' | 'token', number>>

export type UpstreamOrder = {
  readonly seed: number
  readonly canary: string
  readonly secret: string
  readonly spoils: readonly Spoil[]
  /** Files in PEM. */
  readonly certificate: string
  readonly key: string
}

/** What the upstream saw, and says when it is asked. */
export type UpstreamReport = {
  readonly arrivals: number
  readonly effects: number
  readonly bareRepeats: number
  readonly duplicates: number
  readonly otherKeys: number
  readonly cutUploads: number
  readonly strayTokens: number
  readonly tokens: number
}
