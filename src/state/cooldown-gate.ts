import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'
import { ReleasePace } from './release-pace.js'

/** One request in the queue. It watches its own deadline and its client, and calls `leave` when either ends. */
export type Waiter = {
  /** Monotonic deadline. */
  readonly dueAt: number
  /** Called once, when its turn has come; it is out of the queue then. */
  release(): void
}

/** `full`: until the gate lets the next ones through · `late`: until this one's turn, which is after its deadline. */
export type Entry = 'pass' | 'queued' | { readonly full: Millis } | { readonly late: Millis }

/** Releases of one step are spread over this span: in order, but not in one packet train. */
const SPREAD = 20
/**
 * The shortest step, and the span over which the first pace is counted at least: a hint may name only the rest of the
 * upstream's window, and a hint of 0 must not make the gate spin.
 */
export const MIN_PERIOD = millis(1_000)

/**
 * Shares one server's "not now" between all requests of an origin and credential (R8). While it is closed they queue,
 * first come first served; when it reopens they leave in steps, one hint-period apart, at the pace the upstream
 * has shown to take. It dissolves, through `onIdle`, when the queue has drained without a new limit.
 */
export class CooldownGate {
  readonly #clock: Clock
  readonly #queueMax: number
  readonly #onIdle: () => void
  readonly #queue: Waiter[] = []
  #pace: ReleasePace | undefined
  #period: Millis = MIN_PERIOD
  /** The first closing: what was dispatched before says nothing about the pace. */
  #bornAt = 0
  /** The latest instant the upstream named: no request is let through before it (R6). */
  #until = Number.NEGATIVE_INFINITY
  /** The running step, or the last one before the gate closed again. */
  #stepAt: number | undefined
  #releasing = false
  #nextStepAt = 0
  #cancel: Cancel | undefined

  constructor(options: { clock: Clock; queueMax: number; onIdle: () => void }) {
    this.#clock = options.clock
    this.#queueMax = options.queueMax
    this.#onIdle = options.onIdle
  }

  /** The upstream's instant has not come yet. */
  get closed(): boolean {
    return this.#clock.monotonic() < this.#until
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Until the next step lets requests through. */
  get remaining(): Millis {
    return millis(Math.max(0, this.#nextStepAt - this.#clock.monotonic()))
  }

  /**
   * A limited answer with a hint arrived. @param hint the server's own span, without jitter
   * @param dispatchedAt when its request was sent, monotonic
   * @param succeededRecently how many requests the origin answered well within the last hint: the first pace.
   */
  close(hint: Millis, dispatchedAt: number, succeededRecently: number): void {
    const now = this.#clock.monotonic()
    const until = now + hint
    if (this.#pace === undefined) {
      this.#pace = new ReleasePace(succeededRecently)
      this.#period = MIN_PERIOD
      this.#bornAt = now
      this.#until = Number.NEGATIVE_INFINITY
    } else this.noteLimited(dispatchedAt)
    if (until <= this.#until) return
    this.#until = until
    // The longest hint seen is nearest to the upstream's whole window.
    this.#period = millis(Math.max(this.#period, hint))
    // A step that met the limit ends, but a short hint (the next token of a bucket) does not bring the next one forward.
    this.#nextStepAt = Math.max(until, this.#stepAt === undefined ? 0 : this.#stepAt + SPREAD + this.#period)
    this.#releasing = false
    this.#wakeAt(this.#nextStepAt)
  }

  /** Ask before each dispatch. */
  enter(waiter: Waiter): Entry {
    if (this.#pace === undefined) return 'pass'
    const now = this.#clock.monotonic()
    if (this.#releasing && this.#queue.length === 0 && this.#pace.take(1) === 1) return 'pass'
    if (this.#queue.length >= this.#queueMax) return { full: this.remaining }
    const turn = this.#pace.turn(this.#queue.length, this.#nextStepAt, this.#period + SPREAD)
    if (turn > waiter.dueAt) return { late: millis(turn - now) }
    this.#queue.push(waiter)
    return 'queued'
  }

  /** The waiter's client or deadline is gone; nothing happens if it is not in the queue. */
  leave(waiter: Waiter): void {
    const i = this.#queue.indexOf(waiter)
    if (i >= 0) this.#queue.splice(i, 1)
  }

  /** An answer that is no limit. @param dispatchedAt when its request was sent, monotonic. */
  noteSuccess(dispatchedAt: number): void {
    if (dispatchedAt >= this.#bornAt) this.#pace?.noteSuccess()
    // Sent in the burst that closed the gate, answered after: it belongs to what the upstream took.
    else if (this.#stepAt === undefined && dispatchedAt >= this.#bornAt - this.#period) this.#pace?.noteEarlySuccess()
  }

  /** A limited answer without a hint: the pace is too high. @param dispatchedAt when its request was sent, monotonic. */
  noteLimited(dispatchedAt: number): void {
    if (dispatchedAt >= this.#bornAt) this.#pace?.noteLimited()
  }

  /** Cancels the timer. Waiters stay where they are: their deadlines end them. */
  dispose(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #wakeAt(at: number): void {
    this.#cancel?.()
    this.#cancel = this.#clock.schedule(millis(Math.max(0, at - this.#clock.monotonic())), () => this.#wake())
  }

  #wake(): void {
    this.#cancel = undefined
    const now = this.#clock.monotonic()
    const pace = this.#pace
    if (pace === undefined) return
    if (now >= this.#nextStepAt) {
      if (this.#releasing && this.#queue.length === 0 && !pace.isLimited) {
        this.#dissolve()
        return
      }
      this.#beginStep(pace, now)
    }
    this.#release(pace, now)
  }

  #beginStep(pace: ReleasePace, now: number): void {
    pace.endStep()
    this.#stepAt = now
    this.#nextStepAt = now + SPREAD + this.#period
    this.#releasing = true
  }

  /** Lets through what is due by now of the step's spread, then waits for the next release or step. */
  #release(pace: ReleasePace, now: number): void {
    const due = pace.due((now - (this.#stepAt ?? now)) / SPREAD)
    const leaving = this.#queue.splice(0, pace.take(Math.min(due, this.#queue.length)))
    const more = this.#queue.length > 0 && pace.left > 0
    // A backlog is what needs pacing: without one, arrivals find the limit by themselves and lose no time at a gate.
    if (this.#queue.length === 0 && !pace.isLimited) this.#dissolve()
    else this.#wakeAt(more ? now + Math.max(1, SPREAD / pace.perStep) : this.#nextStepAt)
    // Last, because a waiter may come back at once, through close() or enter().
    for (const waiter of leaving) waiter.release()
  }

  #dissolve(): void {
    this.dispose()
    this.#pace = undefined
    this.#releasing = false
    this.#stepAt = undefined
    this.#onIdle()
  }
}
