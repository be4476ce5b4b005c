import { decideRetry } from '../../src/policy/retry.js'
import { UpstreamHealth } from '../../src/state/upstream-health.js'
import { millis, seconds } from '../../src/time/units.js'
import { ManualClock } from './clock.js'
import { seeded } from './random.js'
import { firstAttempt, retrySettings, someFacts } from './retry-settings.js'

/** Takes a request that arrives at `now` (ms), or says how long to wait in ms. */
export type Limiter = (now: number) => 'taken' | { readonly wait: number }

/** `limit` per aligned second, the first of which starts at `offset`; says what is left of it, in the given precision. */
export function fixedWindow(limit: number, offset = 0, precision = 1_000): Limiter {
  let window = -1
  let taken = 0
  return now => {
    const at = Math.floor((now + offset) / 1_000)
    if (at !== window) taken = 0
    window = at
    if (taken++ < limit) return 'taken'
    return { wait: Math.ceil(((at + 1) * 1_000 - offset - now) / precision) * precision }
  }
}

/** At most `limit` taken in any second. */
export function slidingWindow(limit: number): Limiter {
  let taken: number[] = []
  return now => {
    taken = taken.filter(at => at > now - 1_000)
    if (taken.length >= limit) return { wait: 1_000 }
    taken.push(now)
    return 'taken'
  }
}

/** A bucket of `limit`, refilled continuously at `limit` per second. */
export function tokenBucket(limit: number): Limiter {
  let tokens = limit
  let at = 0
  return now => {
    tokens = Math.min(limit, tokens + ((now - at) / 1_000) * limit)
    at = now
    if (tokens < 1) return { wait: 1_000 }
    tokens--
    return 'taken'
  }
}

export type Crowd = {
  readonly requests: number
  /** Milliseconds between arrivals; 0: all at once. */
  readonly every: number
  readonly limiter: Limiter
  readonly seed: number
  /** The longest one-way delay to the upstream. */
  readonly latency?: number
  readonly queue?: number
  readonly timeout?: number
}

export type Result = {
  succeeded: number
  failed: number
  /** Requests that reached the upstream. */
  hits: number
  /** When the last one was answered, in ms. */
  took: number
  /** The most 429 any one request got. */
  most429: number
  /** Requests sent while the gate was closed for more than 50 ms. */
  duringCooldown: number
  /** Timers, gates and waiters left over in the end. */
  leftOver: number
}

/** Sends a crowd of GETs, with the default three attempts, through one `UpstreamHealth`. */
export function simulate(crowd: Crowd): Result {
  const clock = new ManualClock()
  const random = seeded(crowd.seed)
  const budget = { ratio: 0.2, min_per_second: 1 }
  const health = new UpstreamHealth(clock, {
    budget,
    breaker: undefined,
    cooldown: { on: [429], queue: crowd.queue ?? 256 },
  })
  const result: Result = { succeeded: 0, failed: 0, hits: 0, took: 0, most429: 0, duringCooldown: 0, leftOver: 0 }
  const delay = () => millis(1 + random() * (crowd.latency ?? 5))
  let closedUntil = 0
  let closedAt = 0

  for (let i = 0; i < crowd.requests; i++) clock.schedule(millis(i * crowd.every), () => request(clock.monotonic()))

  function request(startedAt: number): void {
    const dueAt = startedAt + (crowd.timeout ?? 60_000)
    let limited = 0

    const end = (ok: boolean) => {
      result[ok ? 'succeeded' : 'failed']++
      result.took = clock.monotonic()
    }
    const enter = () => {
      const entry = health.gate('key')?.enter({ dueAt, release: send }) ?? 'pass'
      if (entry === 'pass') send()
      else if (entry !== 'queued') end(false)
    }
    const send = () => {
      const dispatchedAt = clock.monotonic()
      result.hits++
      if (dispatchedAt > closedAt + 50 && dispatchedAt < closedUntil) result.duringCooldown++
      clock.schedule(delay(), () => {
        const taken = crowd.limiter(clock.monotonic())
        clock.schedule(delay(), () => (taken === 'taken' ? succeed(dispatchedAt) : refuse(dispatchedAt, taken.wait)))
      })
    }
    const succeed = (dispatchedAt: number) => {
      health.noteSuccess('key', dispatchedAt)
      end(true)
    }
    const refuse = (dispatchedAt: number, wait: number) => {
      limited++
      result.most429 = Math.max(result.most429, limited)
      const answer = { kind: 'answer', status: 429, fields: ['retry-after-ms', String(wait)] } as const
      const timeLeft = millis(dueAt - clock.monotonic())
      const facts = someFacts({ timeLeft, cooldown: new Set([429]), budget: false, random })
      const decision = decideRetry(
        firstAttempt({ number: limited, retries: limited - 1 }),
        answer,
        facts,
        retrySettings(),
      )
      if (decision.act === 'return' || decision.hint === undefined) return end(false)
      if (clock.monotonic() >= closedUntil) closedAt = clock.monotonic()
      closedUntil = Math.max(closedUntil, clock.monotonic() + wait)
      health.closeGate('key', decision.hint, dispatchedAt)
      enter()
    }
    enter()
  }

  clock.advance(seconds(300))
  result.leftOver = clock.pending + health.gates.size
  return result
}
