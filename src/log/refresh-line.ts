import type { Refresh } from '../credential/token.js'
import type { Clock } from '../time/clock.js'
import type { Log } from './log.js'

/** A refresh as the log shows it: of the token its generation and the start of its hash, nothing else (T8). @param now Unix milliseconds */
export function refreshRecord(refresh: Refresh, now: number): Readonly<Record<string, unknown>> {
  const { credential, reason, outcome, generation, print, expiresAt, tookMs, waiters, error } = refresh
  return {
    credential,
    reason,
    outcome,
    generation,
    token: print,
    expires_in_s: expiresAt === undefined ? undefined : Math.round((expiresAt - now) / 1_000),
    took_ms: Math.round(tookMs * 10) / 10,
    waiters,
    error,
  }
}

/** Writes one record `refresh` for each call to a source, whoever waited for it (TR-24). */
export function refreshRecorder({ logger }: Log, clock: Clock): (refresh: Refresh) => void {
  return refresh => {
    const level = refresh.outcome === 'ok' ? 'info' : 'warn'
    logger[level](refreshRecord(refresh, clock.now()), 'refresh')
  }
}
