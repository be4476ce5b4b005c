import { type Millis, millis, seconds } from '../time/units.js'

/** How long a token is good, on both clocks: the wall clock may be set, the monotonic one stands still in a sleep. */
export type TokenLife = {
  /** Unix milliseconds: stated by its source, or by the settings. */
  readonly endsAt: number
  /** Good before this Unix time, in milliseconds. */
  readonly goodUntil: number
  /** And before this monotonic time: the same instant, while nobody touches the wall clock. */
  readonly spentAt: number
  /** Monotonic; a use from here on starts a renewal. */
  readonly renewAt: number
  /** Monotonic; no use before this starts one. */
  readonly restUntil: number
  /** Wall time minus monotonic time when the token came. */
  readonly offset: number
  /** The two clocks may move apart by this much before the token has to be checked. */
  readonly tolerance: number
}

export type LifeSettings = {
  /** How long a token is good whose source does not say. */
  readonly ttl: Millis
  /** A renewal starts this long before the end; 0 starts none ahead. */
  readonly refresh_ahead: Millis
}

const MAX_SKEW = seconds(30)
const SKEW_SHARE = 0.1
/** A short-lived token serves at least half its life, however early its renewal is wished for. */
const AHEAD_SHARE = 0.5
const JITTER_SHARE = 0.05
/** The shortest time between two renewals ahead: a source that always gives the same last minute must not spin. */
const REST = seconds(1)
const MIN_TOLERANCE = seconds(1)

/**
 * The life of a token that came just now; `undefined` when it is over already (TR-01, TR-02).
 * It ends before the expiry by up to 30 s, a tenth of what is left, or half of `refresh_ahead`: the upstream's clock
 * is not ours, and a request is under way for a while. A longer margin would eat the time to renew in.
 * @param expiresAt Unix milliseconds; `undefined` or not finite when the source does not say
 */
export function tokenLife(
  expiresAt: number | undefined,
  wall: number,
  monotonic: number,
  settings: LifeSettings,
  random: () => number,
): TokenLife | undefined {
  const stated = expiresAt !== undefined && Number.isFinite(expiresAt)
  const left = stated ? expiresAt - wall : settings.ttl
  if (left <= 0) return undefined
  const ahead = Math.min(settings.refresh_ahead, left * AHEAD_SHARE)
  const skew = Math.min(MAX_SKEW, left * SKEW_SHARE, ahead > 0 ? ahead / 2 : MAX_SKEW)
  const restUntil = monotonic + REST
  return {
    endsAt: wall + left,
    goodUntil: wall + left - skew,
    spentAt: monotonic + left - skew,
    renewAt: ahead > 0 ? Math.max(restUntil, monotonic + left - leadTime(left, ahead, skew, random)) : Infinity,
    restUntil,
    offset: wall - monotonic,
    tolerance: Math.max(MIN_TOLERANCE, skew),
  }
}

/**
 * `ahead` ± 5 % of the life, so that daemons which started together do not renew together. Never so late that less
 * than half of the time between the renewal and the end is left.
 */
function leadTime(left: number, ahead: number, skew: number, random: () => number): Millis {
  const early = left * JITTER_SHARE
  const late = Math.min(early, (ahead - skew) / 2)
  return millis(ahead - late + random() * (early + late))
}

export const isGood = (life: TokenLife, wall: number, monotonic: number): boolean =>
  wall < life.goodUntil && monotonic < life.spentAt

/** Its end by the wall clock of now (Unix milliseconds), which may have been set: the earlier one of both clocks. */
export const endOf = ({ endsAt, goodUntil, spentAt }: TokenLife, wall: number, monotonic: number): number =>
  Math.min(endsAt, wall + (spentAt - monotonic) + (endsAt - goodUntil))

/** A use now should start a renewal: the time has come, or the clocks moved apart (TR-01: a sleep, a clock that was set). */
export const isDue = (life: TokenLife, wall: number, monotonic: number): boolean =>
  monotonic >= life.renewAt ||
  (monotonic >= life.restUntil && Math.abs(wall - monotonic - life.offset) > life.tolerance)
