import { createHash } from 'node:crypto'
import { formatPointer } from '../json/pointer.js'
import type { RunResult } from './run.js'
import type { Learned } from './verdict.js'

/** What a run found out about a target, for whoever wants to rely on it; `unknown` where no phase could tell. */
export type DerivedProfile = {
  readonly target: string
  readonly carrier: string
  readonly mode: NonNullable<Learned['mode']> | 'unknown'
  readonly marker: string | null
  readonly in_flight: NonNullable<Learned['in_flight']> | 'unknown'
  readonly mismatch: NonNullable<Learned['mismatch']> | 'unknown'
  readonly mismatch_status: number | null
  readonly on_4xx: NonNullable<Learned['on_4xx']> | 'unknown'
  readonly on_5xx: NonNullable<Learned['on_5xx']> | 'unknown'
  readonly on_429: NonNullable<Learned['on_429']> | 'unknown'
  /** No phase failed. */
  readonly clean: boolean
  readonly verified_at: string
  readonly expires_at: string
  /** Of everything above: an edited profile no longer matches. */
  readonly sha256: string
}

/** Targets change; a report older than this proves nothing, in milliseconds. */
const GOOD_FOR = 30 * 86_400_000

/** Sums up what the phases learned. */
export function derivedProfile({ kit, learned, startedAt, phases }: RunResult): DerivedProfile {
  const { carrier } = kit
  const found = {
    target: kit.target,
    carrier: carrier.in === 'header' ? `header:${carrier.name}` : `json:${formatPointer(carrier.at)}`,
    mode: learned.mode ?? 'unknown',
    marker: learned.marker ?? null,
    in_flight: learned.in_flight ?? 'unknown',
    mismatch: learned.mismatch ?? 'unknown',
    mismatch_status: learned.mismatch_status ?? null,
    on_4xx: learned.on_4xx ?? 'unknown',
    on_5xx: learned.on_5xx ?? 'unknown',
    on_429: learned.on_429 ?? 'unknown',
    clean: phases.every(({ verdict }) => verdict.grade !== 'fail'),
    verified_at: new Date(startedAt).toISOString(),
    expires_at: new Date(startedAt + GOOD_FOR).toISOString(),
  } as const
  return { ...found, sha256: createHash('sha256').update(JSON.stringify(found)).digest('hex') }
}
