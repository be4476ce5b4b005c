import type { Socket } from 'node:net'
import type { ClientAnswer, RawClient, RawSink } from '../exchange/lane.js'
import type { Fields } from '../http/fields.js'
import { resetSocket } from '../upstream/reset-socket.js'
import { chunkHead, lastChunk } from '../wire/serialize.js'
import { answerHead } from '../wire/serialize-answer.js'
import { kept } from '../wire/shared-read.js'
import { endGently } from './linger.js'

type Hears = { readonly onDrain: () => void; readonly onDone: () => void }

/** For a short answer of our own, after which nobody waits. */
const DEAF: Hears = { onDrain: () => undefined, onDone: () => undefined }

/**
 * Answers on a bare socket that `node:http` has let go of: upgrades, CONNECT and what its parser refused.
 * One answer, then the connection is closed or no longer HTTP.
 */
export class SocketAnswer implements ClientAnswer {
  readonly #socket: Socket
  /** Bytes the client sent behind its request head. */
  readonly #early: Buffer
  readonly #hears: Hears
  #chunked = false

  /** @param hears `onDrain`: what was waiting is with the kernel; `onDone`: the answer is with the socket, or broken */
  constructor(socket: Socket, early: Buffer, hears: Hears = DEAF) {
    this.#socket = socket
    this.#early = early
    this.#hears = hears
  }

  inform(status: number, reason: string, fields: Fields): void {
    this.#socket.write(answerHead(status, reason, fields), 'latin1')
  }

  begin(status: number, reason: string, fields: string[], length: number | undefined): void {
    this.#chunked = length === undefined
    if (this.#chunked) fields.push('Transfer-Encoding', 'chunked')
    fields.push('Connection', 'close')
    this.#socket.write(answerHead(status, reason, fields), 'latin1')
  }

  /** Its head went out at once. */
  flush(): void {}

  write(chunk: Buffer): boolean {
    if (this.#chunked) this.#socket.write(chunkHead(chunk.length), 'latin1')
    let more = this.#socket.write(kept(chunk))
    if (this.#chunked) more = this.#socket.write('\r\n', 'latin1')
    // Pieces of an answer that was held come one after the other, whatever each of them says.
    if (!more && this.#socket.listenerCount('drain') === 0) this.#socket.once('drain', this.#hears.onDrain)
    return more
  }

  end(trailers: Fields): void {
    if (this.#chunked) this.#socket.write(lastChunk(trailers), 'latin1')
    endGently(this.#socket)
    this.#hears.onDone()
  }

  abort(): void {
    resetSocket(this.#socket)
    this.#hears.onDone()
  }

  upgrade(status: number, reason: string, fields: string[], sink: RawSink): RawClient {
    const socket = this.#socket
    socket.write(answerHead(status, reason, fields), 'latin1')
    return rawClient(socket, this.#early, sink)
  }
}

/** The raw directions of a client socket; `early` bytes come first. */
function rawClient(socket: Socket, early: Buffer, sink: RawSink): RawClient {
  socket.setTimeout(0)
  socket.setKeepAlive(true, 60_000)
  socket.on('data', sink.onData)
  socket.on('end', sink.onEnd)
  socket.on('drain', sink.onDrain)
  if (early.length > 0) sink.onData(early)
  socket.resume()
  return {
    write: chunk => socket.write(kept(chunk)),
    end: () => socket.end(),
    reset: () => resetSocket(socket),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  }
}
