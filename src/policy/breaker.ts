import { RULED_OUT } from '../faults.js'
import { type Millis, millis, seconds } from '../time/units.js'
import { FailureWindow } from './failure-window.js'
import type { BreakerSettings } from './settings.js'
import type { Outcome, Phase } from './types.js'

export type Admission =
  | { readonly admit: true; readonly probe: boolean }
  /** `retryAfter`: until the next probe may pass. */
  | { readonly admit: false; readonly retryAfter: Millis }

/** `open` until an instant, then `probing`: one request is out, all others wait for its answer. */
export type BreakerState = 'closed' | 'open' | 'probing'

const MAX_OPEN = seconds(60)
/** The longest a tripping answer's own hint keeps the breaker open: one answer must not close an origin for a day. */
const MAX_HINTED_OPEN = seconds(300)
/** So long without a trip and the open time starts again from the bottom. */
const CLEAN = 60_000

const ADMITTED: Admission = { admit: true, probe: false }
const PROBE: Admission = { admit: true, probe: true }

/**
 * Stops asking an upstream that fails (R9). Every admitted attempt ends in exactly one of `onSuccess`, `onFailure` or
 * `onAbandoned`. Time is passed in, monotonic milliseconds; closed, nothing here allocates.
 */
export class Breaker {
  readonly #settings: BreakerSettings
  readonly #window: FailureWindow
  #state: BreakerState = 'closed'
  #consecutive = 0
  #until = 0
  #trips = 0
  #closedAt = 0

  constructor(settings: BreakerSettings) {
    this.#settings = settings
    this.#window = new FailureWindow(settings.window)
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Until the next probe may pass; 0 while it is closed. */
  retryIn(now: number): Millis {
    return millis(this.#state === 'closed' ? 0 : Math.max(0, this.#until - now))
  }

  /** Ask before each attempt, the repeats included. */
  admit(now: number): Admission {
    if (this.#state === 'closed') return ADMITTED
    if (now < this.#until) return { admit: false, retryAfter: millis(this.#until - now) }
    this.#state = 'probing'
    // A probe may take minutes to answer, or be lost: after a while another one may pass.
    this.#until = now + this.#settings.open
    return PROBE
  }

  /** @param probe what `admit` said: while probing, a straggler from before the trip decides nothing. */
  onSuccess(now: number, probe = true): void {
    if (this.#state === 'closed') {
      this.#consecutive = 0
      this.#window.add(now, false)
    } else if (this.#state === 'probing' && probe) this.#close(now)
  }

  /** @param hint the failed answer's own `Retry-After`: the breaker stays open at least that long. */
  onFailure(now: number, hint: Millis = millis(0), probe = true): void {
    if (this.#state === 'probing' && probe) this.#trip(now, hint)
    if (this.#state !== 'closed') return
    this.#consecutive++
    this.#window.add(now, true)
    if (this.#consecutive >= this.#settings.failures || this.#isRatioReached()) this.#trip(now, hint)
  }

  /** The attempt told nothing, such as when its client left: if it was the probe, the next request may be one. */
  onAbandoned(probe = true): void {
    if (this.#state !== 'probing' || !probe) return
    this.#state = 'open'
    this.#until = 0
  }

  /** Closes at once, by an operator's word. */
  reset(now: number): void {
    this.#trips = 0
    this.#close(now)
  }

  #isRatioReached(): boolean {
    const { total, failed } = this.#window
    return total >= this.#settings.min_requests && failed >= this.#settings.ratio * total
  }

  #trip(now: number, hint: Millis): void {
    if (this.#state === 'closed' && now - this.#closedAt >= CLEAN) this.#trips = 0
    const open = Math.min(MAX_OPEN, this.#settings.open * 2 ** this.#trips)
    this.#trips = Math.min(this.#trips + 1, 30)
    this.#until = now + Math.max(open, Math.min(hint, MAX_HINTED_OPEN))
    this.#state = 'open'
  }

  #close(now: number): void {
    this.#state = 'closed'
    this.#closedAt = now
    this.#consecutive = 0
    this.#window.clear()
  }
}

/** Says nothing about the upstream's health: nothing reached it, or our own connection was old, or its identity is wrong. */
const NEUTRAL_PHASES: ReadonlySet<Phase> = new Set(['certificate', 'unsent', 'stream_refused', 'stale'])

/** Connect faults, resets, timeouts, malformed answers and 5xx; never 4xx, 501 (no such method) or 505 (no such version). */
export function countsAsFailure(outcome: Outcome): boolean {
  if (outcome.kind === 'answer') return outcome.status >= 500 && outcome.status !== 501 && outcome.status !== 505
  if (RULED_OUT.has(outcome.fault)) return false
  return !NEUTRAL_PHASES.has(outcome.phase)
}
