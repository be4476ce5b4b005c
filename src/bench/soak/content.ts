/** Both ways bodies are made of these, so that a byte that belongs to somebody else, or is missing, is seen. */
const BLOCK = 16

/** An event of an event stream that names the request. */
const blockOf = (id: number): Buffer => Buffer.from(`data: ${String(id).padStart(BLOCK - 8, '0')}\n\n`, 'latin1')

/** The body of `length` bytes that belongs to a request. */
export const contentOf = (id: number, length: number): Buffer =>
  length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, blockOf(id))

/** Reads a body that should be `contentOf(id, …)`. */
export class ContentCheck {
  readonly #block: Buffer
  #length = 0
  #matches = true

  constructor(id: number) {
    this.#block = blockOf(id)
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  /** Every byte so far is the one that belongs there. */
  get matches(): boolean {
    return this.#matches
  }

  feed(chunk: Buffer): void {
    if (chunk.length === 0) return
    const at = this.#length % BLOCK
    const turned = Buffer.concat([this.#block.subarray(at), this.#block.subarray(0, at)])
    this.#matches &&= chunk.equals(Buffer.alloc(chunk.length, turned))
    this.#length += chunk.length
  }
}
