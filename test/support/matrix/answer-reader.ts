import type { Duplex } from 'node:stream'
import { ByteQueue } from './byte-queue.js'

/** The answer that a client got. */
export type Got = {
  /** 0 where there was none. */
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly head: string
  readonly body: Buffer
  /** It ended before it was whole. */
  readonly broken: boolean
}

/** Reads answers off one client connection, one after the other, each to its exact end. */
export class AnswerReader {
  readonly #queue: ByteQueue

  constructor(socket: Duplex) {
    this.#queue = new ByteQueue(socket)
  }

  /** No answer can come any more. */
  get ended(): boolean {
    return this.#queue.ended && this.#queue.bytes.length === 0
  }

  /** Bytes behind the last answer. */
  get rest(): string {
    return this.#queue.bytes.toString('latin1')
  }

  /** The next final answer. */
  async next(): Promise<Got> {
    for (;;) {
      const end = await this.#queue.find('\r\n\r\n')
      if (end === undefined)
        return { status: 0, header: () => undefined, head: '', body: this.#queue.bytes, broken: true }
      const head = this.#queue.take(end + 4).toString('latin1', 0, end)
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? -1)
      if (status < 100 || status >= 200) return this.#whole(status, head)
    }
  }

  async #whole(status: number, head: string): Promise<Got> {
    const header = (name: string) => new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1]?.trim()
    const length = header('content-length')
    const parts: Buffer[] = []
    const broken =
      status === 204 || status === 304
        ? false
        : header('transfer-encoding') !== undefined
          ? !(await this.#chunks(parts))
          : length === undefined
            ? await this.#toEnd(parts)
            : !(await this.#upTo(Number(length), parts))
    return { status, header, head, body: Buffer.concat(parts), broken }
  }

  async #chunks(parts: Buffer[]): Promise<boolean> {
    for (;;) {
      const end = await this.#queue.find('\r\n')
      if (end === undefined) return false
      const size = Number.parseInt(this.#queue.take(end + 2).toString('latin1'), 16)
      if (!(await this.#upTo(size, parts)) || !(await this.#upTo(2, []))) return false
      if (size === 0) return true
    }
  }

  /** @returns whether there was so much */
  async #upTo(count: number, parts: Buffer[]): Promise<boolean> {
    await this.#queue.until(() => this.#queue.bytes.length >= count)
    const taken = this.#queue.take(count)
    parts.push(taken)
    return taken.length === count
  }

  async #toEnd(parts: Buffer[]): Promise<false> {
    await this.#queue.until(() => false)
    parts.push(this.#queue.take(this.#queue.bytes.length))
    return false
  }
}
