import { type Admission, Breaker, countsAsFailure } from '../policy/breaker.js'
import { RetryBudget } from '../policy/budget.js'
import type { BreakerSettings, CooldownSettings, RetrySettings } from '../policy/settings.js'
import type { Outcome } from '../policy/types.js'
import type { Clock } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'
import { CooldownGate, MIN_PERIOD } from './cooldown-gate.js'
import { SuccessCounter } from './success-counter.js'

export type HealthSettings = {
  /** `undefined`: retries are off, and the budget is empty. */
  readonly budget: RetrySettings['budget'] | undefined
  readonly breaker: BreakerSettings | undefined
  readonly cooldown: CooldownSettings | undefined
}

/** Credentials with a closed gate at the same time; a request beyond them waits on its own. */
const MAX_GATES = 1_024

const ADMITTED: Admission = { admit: true, probe: false }

/**
 * What is remembered about one upstream origin: its retry budget, its breaker and a cooldown gate per credential.
 * Memory only. On the way of a healthy request nothing here allocates.
 */
export class UpstreamHealth {
  readonly budget: RetryBudget
  readonly breaker: Breaker | undefined
  /** By credential fingerprint; a gate lives only while it has something to hold back. */
  readonly gates: ReadonlyMap<string, CooldownGate>
  readonly #gates = new Map<string, CooldownGate>()
  readonly #clock: Clock
  readonly #queueMax: number | undefined
  readonly #successes = new SuccessCounter()

  constructor(clock: Clock, settings: HealthSettings) {
    this.#clock = clock
    this.budget = new RetryBudget(settings.budget ?? { ratio: 0, min_per_second: 0 })
    this.breaker = settings.breaker === undefined ? undefined : new Breaker(settings.breaker)
    this.#queueMax = settings.cooldown?.queue
    this.gates = this.#gates
  }

  /** Whether an attempt may go upstream now; ask before each. */
  admit(): Admission {
    return this.breaker === undefined ? ADMITTED : this.breaker.admit(this.#clock.lately())
  }

  /** The gate to enter before an attempt, if there is one. */
  gate(credential: string): CooldownGate | undefined {
    return this.#gates.size === 0 ? undefined : this.#gates.get(credential)
  }

  /**
   * A limited answer with a hint: closes the credential's gate and returns it; `undefined` when gates are off or too many.
   * @param hint the server's own span, already cut to what the route would wait @param dispatchedAt monotonic.
   */
  closeGate(credential: string, hint: Millis, dispatchedAt: number): CooldownGate | undefined {
    const gate = this.#gates.get(credential) ?? this.#newGate(credential)
    const recently = millis(Math.max(hint, MIN_PERIOD))
    gate?.close(hint, dispatchedAt, this.#successes.within(this.#clock.lately(), recently))
    return gate
  }

  /**
   * Tells the breaker how an admitted attempt ended.
   * @param probe what `admit` said @param hint the answer's own, which may keep the breaker open longer.
   */
  conclude(outcome: Outcome, probe: boolean, hint: Millis = millis(0)): void {
    if (countsAsFailure(outcome)) this.breaker?.onFailure(this.#clock.lately(), hint, probe)
    else if (outcome.kind === 'answer') this.breaker?.onSuccess(this.#clock.lately(), probe)
    else this.breaker?.onAbandoned(probe)
  }

  /** An answer that is no limit: how much the upstream takes. @param dispatchedAt monotonic. */
  noteSuccess(credential: string, dispatchedAt: number): void {
    this.#successes.add(this.#clock.lately())
    this.gate(credential)?.noteSuccess(dispatchedAt)
  }

  /** Something here must not be forgotten yet: a gate, or a breaker that is not closed. */
  get isActive(): boolean {
    return this.#gates.size > 0 || (this.breaker !== undefined && this.breaker.state !== 'closed')
  }

  /** Cancels the gates' timers. */
  dispose(): void {
    for (const gate of this.#gates.values()) gate.dispose()
    this.#gates.clear()
  }

  #newGate(credential: string): CooldownGate | undefined {
    if (this.#queueMax === undefined || this.#gates.size >= MAX_GATES) return undefined
    const onIdle = () => this.#gates.delete(credential)
    const gate = new CooldownGate({ clock: this.#clock, queueMax: this.#queueMax, onIdle })
    this.#gates.set(credential, gate)
    return gate
  }
}
