import type { Cancel, Clock } from '../time/clock.js'
import { millis } from '../time/units.js'
import type { ResponseHead } from '../wire/events.js'
import { kept } from '../wire/shared-read.js'

/** L7: what of a refused answer is kept, in bytes, and how long its end is waited for. */
export const HELD_MAX = 65_536
const DRAIN_TIME = millis(100)

/**
 * A refused answer while it is disposed of: read to its end so that the connection can be reused, or given up.
 * When it was read whole it can still become the client's answer.
 */
export class HeldAnswer {
  readonly head: ResponseHead
  readonly body: Buffer[] = []
  readonly #max: number
  #bytes = 0
  #whole = false
  #onDisposed: ((whole: boolean) => void) | undefined
  #cancel: Cancel | undefined

  /** @param max bytes @param onDisposed called once, unless cancelled; false means that its connection must be destroyed */
  constructor(head: ResponseHead, max: number, onDisposed: (whole: boolean) => void) {
    this.head = head
    this.#max = max
    this.#onDisposed = onDisposed
  }

  /** The whole body is here. */
  get whole(): boolean {
    return this.#whole
  }

  /** Starts the clock. A body that is known to be too long is given up at once. */
  drain(clock: Clock): void {
    const { framing } = this.head
    if (framing.kind === 'length' && framing.length > this.#max) this.#disposed(false)
    else this.#cancel = clock.schedule(DRAIN_TIME, () => this.#disposed(false))
  }

  receive(chunk: Buffer): void {
    this.#bytes += chunk.length
    this.body.push(kept(chunk))
    if (this.#bytes > this.#max) this.#disposed(false)
  }

  end(): void {
    this.#disposed(true)
  }

  /** Nothing more will come, or nobody waits for it. */
  cancel(): void {
    this.#cancel?.()
    this.#onDisposed = undefined
  }

  #disposed(whole: boolean): void {
    const onDisposed = this.#onDisposed
    if (onDisposed === undefined) return
    this.cancel()
    this.#whole = whole
    onDisposed(whole)
    if (!whole) this.body.length = 0
  }
}
