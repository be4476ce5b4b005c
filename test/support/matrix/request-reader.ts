import type { Socket } from 'node:net'
import { ByteQueue } from './byte-queue.js'
import type { Arrival } from './scripted-origin.js'

const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** Reads requests off a socket, no byte more than is asked for. */
export class RequestReader {
  /** What no strict reader takes, in words. */
  flaw: string | undefined
  readonly #queue: ByteQueue

  constructor(socket: Socket) {
    this.#queue = new ByteQueue(socket)
  }

  /** Bytes that are here and not read. */
  get rest(): number {
    return this.#queue.bytes.length
  }

  async head(): Promise<Pick<Arrival, 'method' | 'path' | 'head' | 'header'> | undefined> {
    const end = await this.#queue.find('\r\n\r\n')
    if (end === undefined) return undefined
    const head = this.#queue.take(end + 4).toString('latin1', 0, end)
    const [, method = '', path = ''] = /^([A-Z]+) (\S+) HTTP\/1\.1(?:\r\n|$)/.exec(head) ?? []
    const header = (name: string) => new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1]?.trim()
    return { method, path, head, header }
  }

  /** So many bytes of the body as it is framed, or as many as there are. */
  async some(bytes: number, { header }: Pick<Arrival, 'header'>): Promise<void> {
    const most = Math.min(bytes, Number(header('content-length') ?? bytes))
    const queue = this.#queue
    await queue.until(() => queue.bytes.length >= most || queue.bytes.subarray(-5).equals(LAST_CHUNK))
  }

  /** The decoded body, undefined when the connection ends before. */
  async body({ header }: Pick<Arrival, 'header'>): Promise<Buffer | undefined> {
    const length = header('content-length')
    if (header('transfer-encoding') !== undefined) {
      if (length !== undefined) this.flaw = 'two framings'
      return this.#chunks()
    }
    return length === undefined ? Buffer.alloc(0) : this.#exactly(Number(length))
  }

  async #chunks(): Promise<Buffer | undefined> {
    const parts: Buffer[] = []
    for (;;) {
      const end = await this.#queue.find('\r\n')
      if (end === undefined) return undefined
      const size = this.#queue.take(end + 2).toString('latin1', 0, end)
      if (!/^[0-9a-f]{1,6}$/i.test(size)) this.flaw = `a chunk size of ${JSON.stringify(size)}`
      const chunk = await this.#exactly(Number.parseInt(size, 16) || 0)
      if (chunk === undefined || (await this.#lineEnd()) === undefined) return undefined
      if (chunk.length === 0) return Buffer.concat(parts)
      parts.push(chunk)
    }
  }

  async #lineEnd(): Promise<true | undefined> {
    const end = await this.#exactly(2)
    if (end !== undefined && end.toString('latin1') !== '\r\n') this.flaw = 'no line end behind a chunk'
    return end && true
  }

  async #exactly(count: number): Promise<Buffer | undefined> {
    await this.#queue.until(() => this.#queue.bytes.length >= count)
    return this.#queue.bytes.length < count ? undefined : this.#queue.take(count)
  }
}
