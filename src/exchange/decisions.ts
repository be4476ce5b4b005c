import type { Route } from '../config/config.js'
import { decideRetry } from '../policy/retry.js'
import type { Decision, MethodClass, Outcome } from '../policy/types.js'
import type { Clock, Random } from '../time/clock.js'
import type { Deadlines } from './deadlines.js'
import type { OriginView } from './origin-view.js'

export type Retry = Decision & { readonly act: 'retry' }

/** Reads state into facts and asks the pure policies; keeps the counters that bound every mix of them (L1). */
export class Decisions {
  readonly #route: Route
  readonly #class: MethodClass
  readonly #origin: OriginView
  readonly #deadlines: Deadlines
  #retries = 0
  #freeUsed = false

  constructor(route: Route, methodClass: MethodClass, origin: OriginView, deadlines: Deadlines) {
    this.#route = route
    this.#class = methodClass
    this.#origin = origin
    this.#deadlines = deadlines
  }

  /** @param number of the attempt that gave `outcome` @param repeatable its body can be sent again */
  decide(outcome: Outcome, number: number, repeatable: boolean, clock: Clock, random: Random): Decision {
    const attempt = { number, retries: this.#retries, freeUsed: this.#freeUsed, class: this.#class, repeatable }
    const facts = {
      now: clock.now(),
      timeLeft: this.#deadlines.timeLeft,
      budget: this.#origin.budget,
      cooldown: new Set(this.#route.cooldown?.on),
      random,
    }
    return decideRetry(attempt, outcome, facts, this.#route.retry)
  }

  /** The repeat will be made: counted, and paid before its wait (R7). */
  take(decision: Retry): void {
    if (decision.free) this.#freeUsed = true
    else this.#retries++
    if (!decision.free && !decision.gated) this.#origin.payRepeat()
  }
}
