import type { Cancel, Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import { Watch, type Watched } from '../time/watch.js'
import type { Token, Unavailable } from './token.js'

type Done = (result: Token | Unavailable) => void

type Waiter = Watched & { readonly refused: string | undefined }

const LATE: Unavailable = { permanent: false, reason: 'the token did not come in time', retryAfter: seconds(1) }

/**
 * Requests that wait for one call to a source, each until its own deadline. Their number is bounded by the requests
 * that the listener admits. Nobody is told before the call that made it wait has returned.
 */
export class Waiters {
  readonly #clock: Clock
  readonly #watch: Watch
  readonly #all = new Map<Waiter, Done>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#watch = new Watch(clock)
  }

  get count(): number {
    return this.#all.size
  }

  /** @param dueAt monotonic @param refused the value that an upstream refused: it is no answer */
  join(dueAt: number, refused: string | undefined, done: Done): Cancel {
    let answer: Cancel | undefined
    const tell = (result: Token | Unavailable) => {
      answer = soon(result, done)
    }
    const due = () => this.#end(waiter, LATE)
    // Never in the past: each earlier deadline would set the watch's timer anew.
    const soonest = Math.max(dueAt, this.#clock.monotonic())
    const waiter: Waiter = { dueAt: soonest, refused, before: undefined, after: undefined, due }
    this.#all.set(waiter, tell)
    this.#watch.add(waiter)
    return () => {
      answer?.()
      this.#remove(waiter)
    }
  }

  /** Gives `token` to all whom it helps, and `otherwise` to the others; without it they go on waiting. */
  settle(token: Token | undefined, otherwise: Unavailable | undefined): void {
    for (const waiter of [...this.#all.keys()]) {
      if (token !== undefined && token.value !== waiter.refused) this.#end(waiter, token)
      else if (otherwise !== undefined) this.#end(waiter, otherwise)
    }
  }

  #end(waiter: Waiter, result: Token | Unavailable): void {
    const tell = this.#all.get(waiter)
    this.#remove(waiter)
    tell?.(result)
  }

  #remove(waiter: Waiter): void {
    if (this.#all.delete(waiter)) this.#watch.remove(waiter)
  }
}

/** Tells it after the running code, unless cancelled before. */
export function soon<Result>(result: Result, done: (result: Result) => void): Cancel {
  let left = false
  queueMicrotask(() => {
    if (!left) done(result)
  })
  return () => {
    left = true
  }
}
