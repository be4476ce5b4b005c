import type { Fields } from '../http/fields.js'
import type { BodyWriter, RequestBody } from '../upstream/dispatch.js'
import type { Framing } from '../wire/events.js'

/** The client's body with a key spliced in (I2): whole, and in memory. It keeps the framing that the client chose. */
export class FixedBody implements RequestBody {
  readonly framing: Framing
  readonly #bytes: Buffer
  readonly #trailers: Fields

  constructor(bytes: Buffer, framing: Framing, trailers: Fields) {
    this.#bytes = bytes
    this.#trailers = trailers
    this.framing = framing.kind === 'chunked' ? framing : { kind: 'length', length: bytes.length }
  }

  pour(into: BodyWriter): void {
    into.write(this.#bytes)
    into.end(this.#trailers)
  }

  /** It was handed over at once. */
  more(): void {}

  halt(): void {}
}
