import { inFlight, inFlightMismatch } from './phase-concurrency.js'
import { authNotCached, errorRelease4xx, errorRelease5xx, scope } from './phase-errors.js'
import { declare, keyLimits, ttl } from './phase-limits.js'
import { mismatch } from './phase-mismatch.js'
import { rateLimitNotCached } from './phase-rate-limit.js'
import { freshKey, lostResponse, missingKey, replayEqual } from './phase-replay.js'
import type { Probe } from './probe.js'
import type { PhaseName } from './verdict.js'

type Phase = {
  readonly name: PhaseName
  /** Says nothing of a target that does not look at keys at all. */
  readonly needsDedup: boolean
  readonly run: (probe: Probe) => ReturnType<typeof replayEqual>
}

const phase = (name: PhaseName, run: Phase['run'], needsDedup = false): Phase => ({ name, run, needsDedup })

/** In the order in which they run: what meets the rate limit comes last, so that nobody after it meets it too. */
export const PHASES: readonly Phase[] = [
  phase('declare', declare),
  phase('missing_key', missingKey),
  phase('replay_equal', replayEqual),
  phase('lost_response', lostResponse, true),
  phase('mismatch', mismatch, true),
  phase('fresh_key', freshKey),
  phase('in_flight', inFlight, true),
  phase('in_flight_mismatch', inFlightMismatch, true),
  phase('error_release_4xx', errorRelease4xx),
  phase('error_release_5xx', errorRelease5xx),
  phase('auth_not_cached', authNotCached),
  phase('scope', scope),
  phase('ttl', ttl, true),
  phase('key_limits', keyLimits),
  phase('rate_limit_not_cached', rateLimitNotCached),
]
