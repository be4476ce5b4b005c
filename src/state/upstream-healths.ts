import type { BreakerSettings, CooldownSettings, RetrySettings } from '../policy/settings.js'
import type { Clock } from '../time/clock.js'
import { UpstreamHealth } from './upstream-health.js'

/** The part of a route that an origin's health depends on. */
export type HealthPolicies = {
  readonly retry: RetrySettings | undefined
  readonly breaker: BreakerSettings | undefined
  readonly cooldown: CooldownSettings | undefined
}

/** Healthy origins are forgotten beyond this many. */
const ORIGINS_MAX = 10_000

/**
 * The health of every origin, shared by all routes with the same settings; it outlives a reload that changes none.
 */
export class UpstreamHealths {
  readonly #clock: Clock
  /** By settings, then by origin. */
  readonly #groups = new Map<string, Map<string, UpstreamHealth>>()
  readonly #groupOf = new WeakMap<HealthPolicies, Map<string, UpstreamHealth>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(origin: string, policies: HealthPolicies): UpstreamHealth {
    const group = this.#groupOf.get(policies) ?? this.#findGroup(policies)
    return group.get(origin) ?? this.#add(group, origin, policies)
  }

  /** All that are remembered; an origin comes once for each setting of its routes. */
  *all(): Iterable<readonly [origin: string, health: UpstreamHealth]> {
    for (const group of this.#groups.values()) yield* group
  }

  #findGroup(policies: HealthPolicies): Map<string, UpstreamHealth> {
    const { retry, breaker, cooldown } = policies
    const settings = JSON.stringify([retry?.budget, breaker, cooldown])
    const group = this.#groups.get(settings) ?? new Map<string, UpstreamHealth>()
    this.#groups.set(settings, group)
    this.#groupOf.set(policies, group)
    return group
  }

  #add(
    group: Map<string, UpstreamHealth>,
    origin: string,
    { retry, breaker, cooldown }: HealthPolicies,
  ): UpstreamHealth {
    if (group.size >= ORIGINS_MAX) forgetIdle(group)
    const health = new UpstreamHealth(this.#clock, { budget: retry?.budget, breaker, cooldown })
    group.set(origin, health)
    return health
  }

  close(): void {
    for (const group of this.#groups.values()) for (const health of group.values()) health.dispose()
  }
}

function forgetIdle(group: Map<string, UpstreamHealth>): void {
  for (const [origin, health] of group) if (!health.isActive) group.delete(origin)
}
