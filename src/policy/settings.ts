import type { Millis } from '../time/units.js'

/** What a route may say about each policy, in the words of the configuration file, with every default filled in. */

export type RetrySettings = {
  /** Tries in total, the first included. */
  readonly attempts: number
  readonly statuses: readonly number[]
  /** Connection-level faults may be repeated. */
  readonly network: boolean
  readonly non_idempotent: 'never' | 'keyed' | 'always'
  readonly backoff: { readonly base: Millis; readonly cap: Millis }
  readonly retry_after: { readonly max: Millis; readonly when_longer: 'return' | 'cap' }
  readonly budget: { readonly ratio: number; readonly min_per_second: number }
  readonly tell_client: boolean
  /** Names a header that carries the attempt number upstream (R12). */
  readonly attempt_header: string | undefined
  /** Vendor fields that name a reset while their own `remaining` is 0; lower-case names. */
  readonly reset_headers: readonly { readonly remaining: string; readonly reset: string }[]
}

export type CooldownSettings = { readonly on: readonly number[]; readonly queue: number }

export type BreakerSettings = {
  /** Consecutive faults that open it. */
  readonly failures: number
  /** Or this share of at least `min_requests` within `window`. */
  readonly ratio: number
  readonly min_requests: number
  readonly window: Millis
  /** The first open time; doubles up to 60 s while probes fail. */
  readonly open: Millis
}

/** How much of a request body may be kept to repeat it, in bytes. */
export type BodySettings = { readonly memory: number; readonly spill: number }

export type TimeoutSettings = {
  readonly total: Millis
  readonly per_try: Millis
  readonly connect: Millis
  readonly idle: Millis
}
