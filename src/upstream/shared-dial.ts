import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'
import type { Line } from './line.js'
import type { AttemptFault } from './to-fault.js'

/** Where a request waits; told when it leaves. */
type Place = { readonly leave: (waiter: Waiter) => void }

/** A request that waits for a line, for as long as it chose itself, wherever it waits. */
export class Waiter {
  readonly #clock: Clock
  readonly #dueAt: number
  readonly #cancelTimer: Cancel
  readonly #done: (result: Line | AttemptFault) => void
  #place: Place | undefined

  constructor(clock: Clock, timeout: Millis, done: (result: Line | AttemptFault) => void) {
    this.#clock = clock
    this.#dueAt = clock.monotonic() + timeout
    this.#done = done
    this.#cancelTimer = clock.schedule(timeout, () =>
      this.settle({ fault: 'connection_timeout', phase: 'connect', details: `no connection in ${timeout} ms` }),
    )
  }

  get timeLeft(): Millis {
    return millis(Math.max(0, this.#dueAt - this.#clock.monotonic()))
  }

  waitAt(place: Place): void {
    this.#place = place
  }

  settle(result: Line | AttemptFault): void {
    this.cancel()
    this.#done(result)
  }

  /** It wants no line any more. */
  cancel(): void {
    this.#cancelTimer()
    this.#place?.leave(this)
    this.#place = undefined
  }
}

/**
 * Others join a dial only while it is this young: what hangs must not take everyone along, and a second attempt may
 * get through where the first is stuck.
 */
const JOINABLE = 1_000

/** One dial that several requests wait for: a thousand of them must not make a thousand handshakes. */
export class SharedDial implements Place {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #waiters = new Set<Waiter>()
  /** Until there is a connection; that is kept even if nobody waits any more. */
  #cancel: Cancel | undefined
  #over = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAt = clock.monotonic()
  }

  /** @param dial starts it, with a waiter already there: it may fail at once. @returns cancels it */
  begin(dial: () => Cancel): void {
    const cancel = dial()
    if (!this.#over) this.#cancel = cancel
  }

  /** @param capacity how many requests one connection carries */
  takesMore(capacity: number): boolean {
    return !this.#over && this.#waiters.size < capacity && this.#clock.monotonic() - this.#startedAt < JOINABLE
  }

  add(waiter: Waiter): void {
    this.#waiters.add(waiter)
    waiter.waitAt(this)
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    if (this.#waiters.size > 0 || this.#cancel === undefined) return
    const cancel = this.#cancel
    this.#cancel = undefined
    this.#over = true
    cancel()
  }

  /** The dial is done: from here on it cannot be cancelled. */
  connected(): void {
    this.#cancel = undefined
  }

  /** The one that has waited longest. */
  first(): Waiter | undefined {
    return this.#waiters.values().next().value
  }

  /** Nobody joins any more. @returns who still waits, longest first */
  close(): readonly Waiter[] {
    this.#over = true
    this.#cancel = undefined
    return [...this.#waiters]
  }
}
