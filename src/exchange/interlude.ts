import type { Why } from '../policy/types.js'
import type { Cancel, Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import type { ResponseHead } from '../wire/events.js'
import { HELD_MAX, HeldAnswer } from './held-answer.js'
import type { OriginView } from './origin-view.js'

export type InterludeSink = {
  /** Both are over: the next attempt may start. */
  readonly onInterludeOver: () => void
  /** The refused answer did not end in time: its connection must go, or the answer goes on as the client's. */
  readonly onUndrained: (answer: HeldAnswer) => void
}

/** Makes the next attempt possible, or fails to (L10); once. */
export type Remedy = {
  readonly state: 'running' | 'done' | 'failed'
  /** What the log says of the answer that it remedies, and when it failed. */
  readonly why: Why
  readonly failedFor: Why
  /** Once it is done, the refused answer is not true any more: a 402, where it is paid. */
  readonly supersedes?: boolean
  /** @param done told when `state` has changed, in this call or later */
  readonly start: (done: () => void) => void
  readonly cancel: () => void
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
  #remedy: Remedy | undefined

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

  /** Waits for what makes the next attempt possible: another token, a payment. Until then the refused answer is kept. */
  waitForRemedy(remedy: Remedy): void {
    this.#remedy = remedy
    this.#cancelWait = () => remedy.cancel()
    remedy.start(() => this.#waited())
  }

  /** The refused answer may still be the client's, so nothing of it may be lost. */
  get mayBeGiven(): boolean {
    return this.#remedy !== undefined && this.#remedy.state !== 'done'
  }

  /** Why it is the client's after all; `undefined` unless the remedy failed. */
  get failedFor(): Why | undefined {
    return this.#remedy?.state === 'failed' ? this.#remedy.failedFor : undefined
  }

  /** @param max bytes of its body that may be held */
  dispose(head: ResponseHead, max: number = HELD_MAX): void {
    const held = new HeldAnswer(head, max, whole => {
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
    if (this.#cancelWait !== undefined || this.#disposing) return
    if (this.#remedy?.state === 'done' && this.#remedy.supersedes) {
      this.#held = undefined
      this.#remedy = undefined
    }
    this.#hears.onInterludeOver()
  }
}
