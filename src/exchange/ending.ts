import type { Outcome, Why } from '../policy/types.js'
import type { AttemptFault } from '../upstream/to-fault.js'
import { closeParts, type ExchangeParts } from './exchange-parts.js'
import type { RequestHead } from './lane.js'
import type { Plan } from './plan.js'
import type { OwnRefusal } from './refusals.js'
import { reachedBy } from './respond.js'
import type { Services } from './services.js'

type Ground = {
  readonly id: string
  readonly plan: Plan
  readonly request: RequestHead
  readonly parts: ExchangeParts
  readonly services: Pick<Services, 'record' | 'running'>
}

/** The one end of an exchange: what the client gets when no answer is on its way, and the record. */
export class Ending {
  readonly #ground: Ground
  readonly #onOver: () => void
  #over = false

  /** @param onOver the exchange holds nothing any more */
  constructor(ground: Ground, onOver: () => void) {
    this.#ground = ground
    this.#onOver = onOver
    ground.services.running.exchanges++
  }

  /**
   * The answer of an earlier attempt, when it was read whole, says more than any fault (R10); but its "not applied" must
   * not stand for a later attempt that may have been. @param reached that later attempt came to the upstream
   */
  giveHeld(why: Why, reached: boolean): boolean {
    const { interlude, nature, log, reply } = this.#ground.parts
    const { held } = interlude
    if (held === undefined || (reached && nature.class === 'bare')) return false
    if (why !== 'final') log.decided(why)
    reply.giveHeld(held, why)
    this.finish()
    return true
  }

  /** No attempt may be made, or none ended in time; what an earlier one answered comes first. */
  refuse(refused: OwnRefusal): void {
    // That this attempt was not sent says nothing about the one before it.
    const refusal = this.#ground.parts.log.mayHaveActed ? ({ ...refused, outcome: 'unknown' } as const) : refused
    if (!this.giveHeld('final', refusal.outcome === 'unknown')) this.refuseAtOnce(refusal)
  }

  refuseAtOnce(refusal: OwnRefusal): void {
    this.#ground.parts.reply.refuse(refusal)
    this.finish(refusal.code)
  }

  /** The last attempt ended in a fault, and is not repeated. */
  giveFault(outcome: Outcome & { readonly kind: 'fault' }, why: Why): void {
    if (this.giveHeld(why, reachedBy(outcome) === 'unknown')) return
    this.#ground.parts.reply.giveFault(outcome)
    this.finish(outcome.fault)
  }

  /** The answer that is on its way broke off. */
  broken(fault: AttemptFault): void {
    const { reply } = this.#ground.parts
    reply.incomplete()
    this.finish(!reply.isRaw || fault.reset ? fault.fault : undefined)
    reply.break(fault)
  }

  /** Lets go of everything and writes the record; at most once. @param end when not with the upstream's whole answer */
  finish(end?: string): void {
    if (this.#over) return
    this.#over = true
    this.#onOver()
    const { id, plan, request, parts, services } = this.#ground
    services.running.exchanges--
    closeParts(parts)
    services.record?.(parts.log.record(id, plan, request, parts, end))
  }
}
