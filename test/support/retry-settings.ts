import type { BreakerSettings, RetrySettings } from '../../src/policy/settings.js'
import type { Attempt, Facts } from '../../src/policy/types.js'
import { millis, seconds } from '../../src/time/units.js'
import { START } from './clock.js'

/** The documented defaults, with exceptions. */
export const retrySettings = (changes: Partial<RetrySettings> = {}): RetrySettings => ({
  attempts: 3,
  statuses: [408, 425, 429, 500, 502, 503, 504],
  network: true,
  non_idempotent: 'never',
  backoff: { base: millis(250), cap: seconds(8) },
  retry_after: { max: seconds(60), when_longer: 'return' },
  budget: { ratio: 0.2, min_per_second: 1 },
  tell_client: true,
  attempt_header: undefined,
  reset_headers: [],
  ...changes,
})

export const breakerSettings = (changes: Partial<BreakerSettings> = {}): BreakerSettings => ({
  failures: 5,
  ratio: 0.5,
  min_requests: 20,
  window: seconds(10),
  open: seconds(5),
  ...changes,
})

/** The first attempt of a safe request. */
export const firstAttempt = (changes: Partial<Attempt> = {}): Attempt => ({
  number: 1,
  retries: 0,
  freeUsed: false,
  class: 'safe',
  repeatable: true,
  ...changes,
})

/** A minute left, a full budget, no cooldown, dice in the middle. */
export const someFacts = (changes: Partial<Facts> = {}): Facts => ({
  now: START,
  timeLeft: seconds(60),
  budget: true,
  cooldown: new Set(),
  random: () => 0.5,
  ...changes,
})
