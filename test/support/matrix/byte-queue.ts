import type { Duplex } from 'node:stream'

/** The bytes that come out of a stream, for readers that wait for as many as they need. */
export class ByteQueue {
  /** Here, and not taken. */
  bytes = Buffer.alloc(0)
  ended = false
  #wake: (() => void)[] = []

  constructor(stream: Duplex) {
    stream.on('data', chunk => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      this.#changed()
    })
    const end = () => {
      this.ended = true
      this.#changed()
    }
    stream.on('end', end).on('close', end)
  }

  /** Where `text` stands; undefined when it never comes. */
  async find(text: string): Promise<number | undefined> {
    for (;;) {
      const at = this.bytes.indexOf(text)
      if (at >= 0) return at
      if (this.ended) return undefined
      await this.#change()
    }
  }

  /** Waits until it is so, or nothing comes any more. */
  async until(isSo: () => boolean): Promise<void> {
    while (!this.ended && !isSo()) await this.#change()
  }

  /** @returns fewer when there are not so many */
  take(count: number): Buffer {
    const taken = this.bytes.subarray(0, count)
    this.bytes = this.bytes.subarray(taken.length)
    return taken
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#wake.push(resolve))
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}
