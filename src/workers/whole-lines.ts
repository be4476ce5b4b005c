const NEWLINE = 10
/** Longer than any line of the log. */
const LONGEST = 1_048_576

/** Bytes that come in pieces, given on as whole lines. */
export class WholeLines {
  #rest: Buffer[] = []
  #length = 0

  /** @returns what is whole now, `undefined` when nothing is. What has no end in sight is dropped. */
  push(bytes: Buffer): string | undefined {
    const end = bytes.lastIndexOf(NEWLINE) + 1
    const whole = end === 0 ? undefined : Buffer.concat([...this.#rest, bytes.subarray(0, end)]).toString()
    if (end > 0 || this.#length > LONGEST) {
      this.#rest = []
      this.#length = 0
    }
    if (end < bytes.length) this.#rest.push(bytes.subarray(end))
    this.#length += bytes.length - end
    return whole
  }
}
