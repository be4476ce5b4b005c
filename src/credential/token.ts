import type { Millis } from '../time/units.js'

/** A token to send. Its value goes into a request to its upstream and nowhere else (T8). */
export type Token = {
  readonly value: string
  /** Counts the values that a source has given, from 1. */
  readonly generation: number
  /** Unix milliseconds; `undefined` when the source does not say. */
  readonly expiresAt: number | undefined
}

/** There is no token to send, and why. */
export type Unavailable = {
  /** Nothing will change until somebody does something. */
  readonly permanent: boolean
  /** In words without any secret. */
  readonly reason: string
  /** Until asking again makes sense; 0 when `permanent`. */
  readonly retryAfter: Millis
}

/** What became of one call to a source, whoever waited for it: for the log and the counters (TR-24). */
export type Refresh = {
  readonly credential: string
  readonly reason: 'first' | 'ahead' | 'expired' | '401' | 'changed' | 'login'
  readonly outcome: 'ok' | 'failed' | 'permanent'
  /** Of the token held afterwards: as before when the source gave the same one; 0 when there is none. */
  readonly generation: number
  /** The first 8 hex digits of its SHA-256. */
  readonly print: string | undefined
  /** Unix milliseconds; `undefined` when there is no token, or its source does not say. */
  readonly expiresAt: number | undefined
  readonly error: string | undefined
  readonly tookMs: number
  /** Requests that waited for it, those included that left. */
  readonly waiters: number
}

/** A credential for `status`. */
export type TokenStatus = {
  readonly source: string
  /** What goes on, the worst first: a token may be `usable` in each of them. */
  readonly state: 'none' | 'valid' | 'renewing' | 'cooling' | 'needs_login'
  readonly usable: boolean
  readonly generation: number
  readonly print: string | undefined
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined
  /** Since this value came first. */
  readonly age: Millis | undefined
  /** Until the source may be asked again; 0 when it may. */
  readonly retryAfter: Millis
  /** Why the last call failed; `undefined` when it did not. */
  readonly error: string | undefined
}
