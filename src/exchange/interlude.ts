import type { Cancel, Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import type { ResponseHead } from '../wire/events.js'
import type { Authorization } from './authorization.js'
import { HeldAnswer } from './held-answer.js'
import type { OriginView } from './origin-view.js'

export type InterludeSink = {
  /** Both are over: the next attempt may start. */
  readonly onInterludeOver: () => void
  /** The refused answer did not end in time: its connection must go, or the answer goes on as the client's. */
  readonly onUndrained: (answer: HeldAnswer) => void
}

/**
 * What lies between two attempts: a wait or a turn at the cooldown gate, and the disposal of the refused answer.
 * The next attempt waits for both (L7).
 */
export class Interlude {
  readonly #clock: Clock
  readonly #origin: OriginView
  readonly #hears: InterludeSink
  #held: HeldAnswer | undefined
  #disposing = false
  #cancelWait: Cancel | undefined
  /** What became of the renewal of a refused token. */
  #renewal: 'running' | 'done' | 'failed' | undefined

  constructor(clock: Clock, origin: OriginView, hears: InterludeSink) {
    this.#clock = clock
    this.#origin = origin
    this.#hears = hears
  }

  /** The refused answer, once it was read whole. */
  get held(): HeldAnswer | undefined {
    return this.#held?.whole ? this.#held : undefined
  }

  /** The refused answer is still being read: what arrives belongs to it. */
  get draining(): HeldAnswer | undefined {
    return this.#disposing ? this.#held : undefined
  }

  waitFor(span: Millis): void {
    this.#cancelWait = this.#clock.schedule(span, () => this.#waited())
  }

  /** @returns how long it would take, when that is too long or the queue is full */
  takeTurn(dueAt: number): 'pass' | 'queued' | Millis {
    const { entry, leave } = this.#origin.enterGate({ dueAt, release: () => this.#waited() })
    if (entry === 'pass') return entry
    if (entry !== 'queued') return 'full' in entry ? entry.full : entry.late
    this.#cancelWait = leave
    return entry
  }

  /** Waits for another token than the refused one, until `dueAt` (monotonic). */
  waitForRenewal(authorization: Authorization, dueAt: number): void {
    this.#renewal = 'running'
    this.#cancelWait = () => authorization.cancel()
    authorization.renew(dueAt, renewed => {
      this.#renewal = renewed ? 'done' : 'failed'
      this.#waited()
    })
  }

  /** The refused answer may still be the client's, so nothing of it may be lost. */
  get mayBeGiven(): boolean {
    return this.#renewal === 'running' || this.#renewal === 'failed'
  }

  dispose(head: ResponseHead): void {
    const held = new HeldAnswer(head, whole => {
      if (!whole) this.#hears.onUndrained(held)
      this.#disposed()
    })
    this.#held = held
    this.#disposing = true
    held.drain(this.#clock)
  }

  /** The connection of the refused answer is gone before its end. */
  lostConnection(): void {
    this.#held?.cancel()
    this.#disposed()
  }

  /** Nothing is waited for any more. */
  cancel(): void {
    this.#cancelWait?.()
    this.#cancelWait = undefined
    this.#held?.cancel()
    this.#disposing = false
  }

  #waited(): void {
    this.#cancelWait = undefined
    this.#proceed()
  }

  #disposed(): void {
    this.#disposing = false
    this.#proceed()
  }

  #proceed(): void {
    if (this.#cancelWait === undefined && !this.#disposing) this.#hears.onInterludeOver()
  }
}
