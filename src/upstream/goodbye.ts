/** Bytes before the payload of a frame: three of its length, its type, its flags, four of its stream (RFC 9113 §4.1). */
const HEAD = 9
const GOAWAY = 7
/** In a GOAWAY, what stands before its code (RFC 9113 §6.8). */
const BEFORE_CODE = HEAD + 4
const NO_ERROR = 0
/** What a client sends before its first frame begins with a P (RFC 9113 §3.4), which no length here does. */
const PREFACE = 0x50
const PREFACE_BYTES = 24

/**
 * Finds the GOAWAY with an error in what an HTTP/2 connection writes: behind it nothing is read or written any more, and
 * the connection must be closed (RFC 9113 §5.4.1). Node 20 is not told when its library sends one by itself; streams that
 * were open then would stay open for ever.
 */
export class GoodbyeFinder {
  readonly #onFound: () => void
  /** Bytes that belong to no frame head. */
  #skip = 0
  #rest: Buffer = Buffer.alloc(0)
  #begun = false

  /** @param onFound called from within the write, once for each */
  constructor(onFound: () => void) {
    this.#onFound = onFound
  }

  see(chunk: Buffer): void {
    if (this.#skip >= chunk.length) {
      this.#skip -= chunk.length
      return
    }
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (!this.#begun && bytes[0] === PREFACE) this.#skip = PREFACE_BYTES
    this.#begun = true
    let at = this.#skip
    while (at + HEAD <= bytes.length) {
      if (bytes[at + 3] === GOAWAY) {
        if (bytes.length < BEFORE_CODE + 4 + at) break
        if (bytes.readUInt32BE(at + BEFORE_CODE) !== NO_ERROR) this.#onFound()
      }
      at += HEAD + bytes.readUIntBE(at, 3)
    }
    this.#skip = Math.max(0, at - bytes.length)
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : this.#rest.subarray(0, 0)
  }
}
