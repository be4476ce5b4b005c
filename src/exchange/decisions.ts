import type { Route } from '../config/config.js'
import { decideRetry } from '../policy/retry.js'
import type { Decision, MethodClass, Outcome } from '../policy/types.js'
import type { AttemptLog } from './attempt-log.js'
import type { Deadlines } from './deadlines.js'
import type { OriginView } from './origin-view.js'
import type { Services } from './services.js'

export type Retry = Decision & { readonly act: 'retry' }

/** What decisions are made upon; the services make an exchange, the rest is its own. */
type Ground = {
  readonly services: Pick<Services, 'clock' | 'random'>
  readonly route: Route
  readonly nature: { readonly class: MethodClass }
  readonly origin: OriginView
  readonly deadlines: Deadlines
  readonly log: AttemptLog
  readonly body: { readonly repeatable: boolean } | undefined
}

/** Reads state into facts and asks the pure policies; keeps the counters that bound every mix of them (L1). */
export class Decisions {
  readonly #ground: Ground
  #retries = 0
  #freeUsed = false

  constructor(ground: Ground) {
    this.#ground = ground
  }

  /** About what the latest attempt gave. */
  decide(outcome: Outcome): Decision {
    const { services, route, nature, origin, deadlines, log } = this.#ground
    const attempt = {
      number: log.count,
      retries: this.#retries,
      freeUsed: this.#freeUsed,
      class: nature.class,
      repeatable: this.repeatable,
    }
    const facts = {
      now: services.clock.now(),
      timeLeft: deadlines.timeLeft,
      budget: origin.budget,
      cooldown: new Set(route.cooldown?.on),
      random: services.random,
    }
    return decideRetry(attempt, outcome, facts, route.retry)
  }

  /** The whole body can be sent again, or there is none. */
  get repeatable(): boolean {
    return this.#ground.body?.repeatable ?? true
  }

  /** The repeat will be made: counted, and paid before its wait (R7). */
  take(decision: Retry): void {
    if (decision.free) this.#freeUsed = true
    else this.#retries++
    if (!decision.free && !decision.gated) this.#ground.origin.payRepeat()
  }
}
