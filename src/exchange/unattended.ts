import type { Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'

/** Counts the exchanges that go on without their client (I9): a shutdown waits for them as it does for clients. */
export class Unattended {
  #count = 0
  #onNone: (() => void) | undefined

  /** @returns what to call when it is over */
  enter(): () => void {
    this.#count++
    return () => {
      if (--this.#count === 0) this.#onNone?.()
    }
  }

  /** Resolves when none is left, or after `patience`. @returns whether none is left */
  none(clock: Clock, patience: Millis): Promise<boolean> {
    return new Promise(resolve => {
      if (this.#count === 0) return resolve(true)
      const cancel = clock.schedule(patience, () => resolve(false))
      this.#onNone = () => {
        cancel()
        resolve(true)
      }
    })
  }
}
