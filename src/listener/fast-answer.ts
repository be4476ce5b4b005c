import type { Socket } from 'node:net'
import type { ClientAnswer, RawClient } from '../exchange/lane.js'
import { type Fields, fieldValue } from '../http/fields.js'
import { resetSocket } from '../upstream/reset-socket.js'
import { chunkHead, lastChunk } from '../wire/serialize.js'
import { answerHead } from '../wire/serialize-answer.js'
import { passOn, SHARED_MAX } from '../wire/shared-read.js'
import { type MountPoint, rewriteLocations } from './mount-location.js'

/** What the answer needs of the connection that it goes out on. */
export type FastLine = {
  readonly socket: Socket
  /** Whether the connection is closed after an answer that begins now. */
  readonly closes: () => boolean
  /** The answer is with the socket, or broken. */
  readonly answered: (last: boolean) => void
}

/** The answer side of the fast lane: the head waits for the first bytes, and small answers are one write. */
export class FastAnswer implements ClientAnswer {
  readonly #line: FastLine
  readonly #method: string
  readonly #mount: MountPoint | undefined
  #head: string | undefined
  #left: number | undefined
  #last = false
  #begun = false
  #ended = false

  constructor(line: FastLine, method: string, mount: MountPoint | undefined) {
    this.#line = line
    this.#method = method
    this.#mount = mount
  }

  /** Whether anything of the answer is on its way. */
  get begun(): boolean {
    return this.#begun
  }

  inform(status: number, reason: string, fields: Fields): void {
    this.#line.socket.write(answerHead(status, reason, fields), 'latin1')
  }

  begin(status: number, reason: string, fields: string[], length: number | undefined): void {
    const sent = this.#mount ? rewriteLocations(fields, this.#mount) : fields
    this.#begun = true
    this.#last = this.#line.closes()
    if (this.#last) sent.push('Connection', 'close')
    else sent.push('Connection', 'keep-alive', 'Keep-Alive', 'timeout=65')
    if (this.#hasBody(status) && fieldValue(sent, 'content-length') === undefined) {
      if (length === undefined) sent.push('Transfer-Encoding', 'chunked')
      else sent.push('Content-Length', String(length))
    }
    this.#left = length
    this.#head = answerHead(status, reason, sent)
  }

  flush(): void {
    const head = this.#head
    if (head === undefined) return
    this.#head = undefined
    this.#line.socket.write(head, 'latin1')
  }

  write(chunk: Buffer): boolean {
    if (this.#left === undefined) return this.#writeChunk(chunk)
    this.#left -= chunk.length
    const { socket } = this.#line
    const head = this.#head
    this.#head = undefined
    if (chunk.length <= SHARED_MAX) {
      const text = chunk.toString('latin1')
      return this.#sent(socket.write(head === undefined ? text : head + text, 'latin1'))
    }
    if (head === undefined) return this.#sent(passOn(socket, chunk))
    socket.cork()
    socket.write(head, 'latin1')
    const more = passOn(socket, chunk)
    socket.uncork()
    return this.#sent(more)
  }

  end(trailers: Fields): void {
    if (this.#ended) return
    if (this.#left === undefined && this.#begun) {
      const last = (this.#head ?? '') + lastChunk(trailers)
      this.#head = undefined
      this.#line.socket.write(last, 'latin1')
    } else this.flush()
    this.#finish()
  }

  abort(): void {
    if (this.#ended) return
    // A reset, because a plain close would look like the clean end of an answer without a length.
    resetSocket(this.#line.socket)
    this.#ended = true
    this.#line.answered(true)
  }

  upgrade(): RawClient {
    throw new Error('the fast lane leaves upgrades to their own lane')
  }

  /** Of these the head says it all (RFC 9110 §6.4.1); what was chunked for us may be of a known length by now. */
  #hasBody(status: number): boolean {
    return this.#method !== 'HEAD' && status !== 204 && status !== 304
  }

  /** The last bytes of a known length are the end: what follows on this connection need not wait for more. */
  #sent(more: boolean): boolean {
    if (this.#left !== undefined && this.#left <= 0) {
      this.#finish()
      return true
    }
    return more
  }

  #writeChunk(chunk: Buffer): boolean {
    const { socket } = this.#line
    const head = this.#head ?? ''
    this.#head = undefined
    socket.cork()
    socket.write(head + chunkHead(chunk.length), 'latin1')
    passOn(socket, chunk)
    const more = socket.write('\r\n', 'latin1')
    socket.uncork()
    return more
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#line.answered(this.#last)
  }
}
