import { type Clock, timeLeft } from '../time/clock.js'
import { type Millis, seconds } from '../time/units.js'
import type { Watch, Watched } from '../time/watch.js'
import type { Asked, Opened } from './asked.js'

/** No client is kept waiting for another one's answer for longer (I6). */
const PATIENCE = seconds(30)

/** One request that asked, until it is told. */
export class Seeker implements Watched {
  readonly asked: Asked
  /** `undefined` when nobody listens any more, or it was told: what is dead must not keep an exchange alive. */
  #done: ((opened: Opened) => void) | undefined
  /** Its patience ends then. */
  readonly dueAt: number
  before: Watched | undefined = undefined
  after: Watched | undefined = undefined
  readonly due: () => void

  constructor(asked: Asked, clock: Clock, done: (opened: Opened) => void, due: (seeker: Seeker) => void) {
    this.asked = asked
    this.#done = done
    this.dueAt = clock.monotonic() + Math.min(PATIENCE, timeLeft(clock, asked.dueAt))
    this.due = () => due(this)
  }

  /** Tells it after the running code. @param unheard called instead when it has left by then */
  tell(opened: Opened, unheard: () => void): void {
    queueMicrotask(() => {
      const done = this.#done
      this.#done = undefined
      if (done === undefined) unheard()
      else done(opened)
    })
  }

  leave(): void {
    this.#done = undefined
  }
}

/** Those of this process who wait for somebody else's answer; each takes a connection, so their number has an end. */
export class WaitingRoom {
  readonly #watch: Watch
  readonly #waiting = new Set<Seeker>()

  constructor(watch: Watch) {
    this.#watch = watch
  }

  has(seeker: Seeker): boolean {
    return this.#waiting.has(seeker)
  }

  /** @returns whether there was room */
  enter(seeker: Seeker): boolean {
    if (this.#waiting.size >= SEATS) return false
    this.#waiting.add(seeker)
    this.#watch.add(seeker)
    return true
  }

  /** @returns whether it was there */
  leave(seeker: Seeker): boolean {
    if (!this.#waiting.delete(seeker)) return false
    this.#watch.remove(seeker)
    return true
  }
}

/** For all keys together. */
const SEATS = 1_024

/** When to ask again about a claim of this age: the longer it has run, the longer. 1 to 30 whole seconds. */
export const comeBackAfter = (age: number): Millis => seconds(Math.min(30, Math.max(1, Math.floor(age / 1_000))))
