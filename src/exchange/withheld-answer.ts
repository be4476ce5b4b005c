import type { Fields } from '../http/fields.js'
import { kept } from '../wire/shared-read.js'
import type { ClientAnswer, RawClient } from './lane.js'

/** Where the answer goes when nobody waits for it any more. */
export const NOBODY: ClientAnswer = {
  inform: () => undefined,
  begin: () => undefined,
  flush: () => undefined,
  write: () => true,
  end: () => undefined,
  abort: () => undefined,
  upgrade: () => {
    throw new Error('an upgrade has a client')
  },
}

/**
 * An answer that nobody has whole before it is written what became of the request: whoever had it and repeats it after a
 * crash must get it again. All but its last bytes go out as they come.
 */
export class WithheldAnswer implements ClientAnswer {
  #to: ClientAnswer
  readonly #whenWritten: (then: () => void) => void
  #left: number | undefined
  /** Of an answer whose head is all there is. */
  #begin: (() => void) | undefined
  /** With them its length is reached. */
  #last: Buffer | undefined

  constructor(to: ClientAnswer, whenWritten: (then: () => void) => void) {
    this.#to = to
    this.#whenWritten = whenWritten
  }

  inform(status: number, reason: string, fields: Fields): void {
    this.#to.inform(status, reason, fields)
  }

  begin(status: number, reason: string, fields: string[], length: number | undefined): void {
    this.#left = length
    const begin = () => this.#to.begin(status, reason, fields, length)
    if (length === 0) this.#begin = begin
    else begin()
  }

  flush(): void {
    if (this.#begin === undefined) this.#to.flush()
  }

  write(chunk: Buffer): boolean {
    if (chunk.length === 0) return true
    if (this.#left !== undefined) this.#left -= chunk.length
    if (this.#left === undefined || this.#left > 0) return this.#to.write(chunk)
    this.#last = kept(chunk)
    return true
  }

  end(trailers: Fields): void {
    this.#whenWritten(() => {
      this.#begin?.()
      if (this.#last !== undefined) this.#to.write(this.#last)
      this.#to.end(trailers)
    })
  }

  abort(): void {
    this.#to.abort()
  }

  upgrade(): RawClient {
    throw new Error('what upgrades has no claim')
  }

  /** The client left: what still waits is for nobody. */
  drop(): void {
    this.#to = NOBODY
  }
}
