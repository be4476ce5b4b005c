const HEAD_END = Buffer.from('\r\n\r\n')

/** Too long for a head: somebody else is speaking. */
const HEAD_MAX = 65_536

/**
 * Finds the messages in a stream of bytes, as leanly as can be: no chunked coding, no validation. For the two ends of the
 * benchmark, which must cost little next to what stands between them.
 */
export class MessageReader {
  readonly #onMessage: (head: string) => void
  #head = ''
  #partial: Buffer | undefined
  #bodyLeft = -1

  /** @param onMessage called when a message is complete */
  constructor(onMessage: (head: string) => void) {
    this.#onMessage = onMessage
  }

  /** @throws on what it does not understand */
  feed(chunk: Buffer): void {
    let data = chunk
    if (this.#partial !== undefined) {
      data = Buffer.concat([this.#partial, chunk])
      this.#partial = undefined
    }
    let at = 0
    while (at < data.length) {
      if (this.#bodyLeft < 0) {
        const end = data.indexOf(HEAD_END, at)
        if (end < 0) {
          if (data.length - at > HEAD_MAX) throw new Error('a head without an end')
          this.#partial = data.subarray(at)
          return
        }
        this.#head = data.toString('latin1', at, end)
        this.#bodyLeft = bodyLength(this.#head)
        at = end + 4
      }
      const body = Math.min(this.#bodyLeft, data.length - at)
      this.#bodyLeft -= body
      at += body
      if (this.#bodyLeft > 0) return
      this.#bodyLeft = -1
      this.#onMessage(this.#head)
    }
  }
}

/** Bytes of the body that a head announces. @throws on chunked coding */
export function bodyLength(head: string): number {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return Number(length)
  if (/\r\ntransfer-encoding:/i.test(head)) throw new Error('chunked coding in a benchmark that sends none')
  return 0
}
