import type { ClientBody } from '../exchange/lane.js'
import type { Fields } from '../http/fields.js'

type Sink = Parameters<ClientBody['start']>[0]

const NO_TRAILERS: Fields = []

/** A request body of the fast lane: its connection brings the bytes as long as they are wanted. */
export class FastBody implements ClientBody {
  /** Bytes that are still to come. */
  left: number
  readonly #changed: (body: FastBody) => void
  #sink: Sink | undefined
  #isPaused = false
  #isOver = false

  /** @param changed bytes are wanted that were not, or the other way round */
  constructor(length: number, changed: (body: FastBody) => void) {
    this.left = length
    this.#changed = changed
  }

  /** Somebody takes it, if not now, and there is more of it. */
  get isStarted(): boolean {
    return this.#sink !== undefined && this.left > 0
  }

  get isWanted(): boolean {
    return this.#sink !== undefined && !this.#isPaused
  }

  start(sink: Sink): void {
    this.#sink = sink
    // Not before this has returned.
    process.nextTick(() => {
      if (this.left === 0) this.#end()
      else this.#changed(this)
    })
  }

  pause(): void {
    this.#isPaused = true
    this.#changed(this)
  }

  resume(): void {
    this.#isPaused = false
    this.#changed(this)
  }

  /** The next of its bytes. */
  receive(chunk: Buffer): void {
    this.left -= chunk.length
    this.#sink?.onData(chunk)
    if (this.left === 0) this.#end()
  }

  /** Nobody is told of anything any more. */
  close(): void {
    this.#isOver = true
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink?.onEnd(NO_TRAILERS)
  }
}
