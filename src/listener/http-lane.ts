import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientAnswer, ClientBody, RawClient } from '../exchange/lane.js'
import { type Fields, fieldValue, pickFields } from '../http/fields.js'
import { endToEndTrailers, misplacedDetail, misplacedTrailer } from '../http/trailer-fields.js'
import { resetSocket } from '../upstream/reset-socket.js'
import { answerHead } from '../wire/serialize-answer.js'
import { kept, SHARED_MAX } from '../wire/shared-read.js'
import { type ClientConnection, clientConnection } from './client-connection.js'
import { discard, endGently } from './linger.js'
import { type MountPoint, rewriteLocations } from './mount-location.js'

const NOTHING = Buffer.alloc(0)

/** A request body of the `node:http` lane. */
export class NodeBody implements ClientBody {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #expect: boolean
  #started = false
  #lingering = false

  constructor(request: IncomingMessage, response: ServerResponse, expect: boolean) {
    this.#request = request
    this.#response = response
    this.#expect = expect
  }

  /** The client was never told to go on with its body. */
  get expectationOpen(): boolean {
    return this.#expect && !this.#started
  }

  start(sink: { onData: (chunk: Buffer) => void; onEnd: (trailers: Fields) => void }): void {
    this.#started = true
    if (this.#expect) this.#response.writeContinue()
    this.#request.on('data', sink.onData)
    this.#request.on('end', () => this.#onEnd(sink.onEnd))
  }

  /** A trailer that belongs in the head is malformed: the upstream gets no end of this request. */
  #onEnd(onEnd: (trailers: Fields) => void): void {
    const { rawTrailers, rawHeaders, socket } = this.#request
    const misplaced = misplacedTrailer(rawTrailers)
    if (misplaced === undefined) return onEnd(endToEndTrailers(rawTrailers, rawHeaders))
    // Answered before it was read, as nobody waits for its end.
    if (this.#response.writableEnded) return
    const connection = clientConnection(socket)
    connection.refuseRest()
    if (!connection.breakRequest('bad_request', misplacedDetail(misplaced))) resetSocket(socket)
  }

  /** Once answered, the rest is read whatever becomes of it: paused, it would stand before the next request for ever. */
  pause(): void {
    if (!this.#lingering) this.#request.pause()
  }

  resume(): void {
    this.#request.resume()
  }

  /** Reads on for a moment without looking, then closes: an answer before the end of the body must not be lost to a reset. */
  linger(): void {
    this.#lingering = true
    this.#request.removeAllListeners('data')
    discard(this.#request, this.#request.socket)
  }

  /** Behind an answer that says so Node would close at once, and with something unread that is a reset. */
  closeGently(): void {
    const { socket } = this.#request
    this.#lingering = true
    socket.destroySoon = () => {
      // The parser stops a socket whose request nobody reads.
      socket.removeAllListeners('data')
      endGently(socket)
    }
  }
}

/** The answer side of the `node:http` lane. */
export class NodeAnswer implements ClientAnswer {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #body: NodeBody | undefined
  readonly #connection: ClientConnection
  readonly #mount: MountPoint | undefined
  readonly #closes: () => boolean
  #left: number | undefined
  #last = false
  #flushed = false
  #blocked = false

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    body: NodeBody | undefined,
    connection: ClientConnection,
    mount: MountPoint | undefined,
    closes: () => boolean,
  ) {
    this.#request = request
    this.#response = response
    this.#body = body
    this.#connection = connection
    this.#mount = mount
    this.#closes = closes
    response.sendDate = false
  }

  inform(status: number, reason: string, fields: Fields): void {
    // HTTP/1.0 has no interim answers (RFC 9110 §15.2).
    if (this.#request.httpVersionMinor === 1) {
      this.#response.socket?.write(answerHead(status, reason, fields), 'latin1')
    }
  }

  begin(status: number, reason: string, fields: string[], length: number | undefined): void {
    const sent = this.#mount ? rewriteLocations(fields, this.#mount) : fields
    this.#last = this.#connection.dead || this.#closes() || this.#body?.expectationOpen === true
    if (this.#last) sent.push('Connection', 'close')
    this.#left = length
    this.#response.writeHead(status, reason, this.#announces(length) ? sent : withoutTrailer(sent))
  }

  /** Trailers may follow, and so be announced (RFC 9112 §7.1.2): Node throws at any other `Trailer`. */
  #announces(length: number | undefined): boolean {
    const { method, httpVersionMinor } = this.#request
    return length === undefined && httpVersionMinor === 1 && method !== 'HEAD'
  }

  flush(): void {
    // Not `flushHeaders`: that writes a head with octets above 7F as UTF-8.
    if (!this.#flushed) this.#response.write(NOTHING)
    this.#flushed = true
  }

  write(chunk: Buffer): boolean {
    this.#flushed = true
    if (this.#left !== undefined) {
      this.#left -= chunk.length
      // The last bytes of a known length and the end go out together, small ones as one string with the head.
      if (this.#left <= 0) {
        this.#finish(chunk)
        return true
      }
    }
    const more = this.#response.write(kept(chunk))
    if (!more) this.#awaitDrain()
    return more
  }

  /** An answer that was held is written in many pieces, whatever each of them says: one listener does. */
  #awaitDrain(): void {
    if (this.#blocked) return
    this.#blocked = true
    this.#response.once('drain', () => {
      this.#blocked = false
      this.#connection.exchange?.onClientDrain()
    })
  }

  end(trailers: Fields): void {
    if (this.#response.writableEnded) return
    if (trailers.length > 0) this.#response.addTrailers(pairs(trailers) as unknown as [string, string][])
    this.#finish(undefined)
  }

  abort(): void {
    // All of it is with the socket, which may be another request's by now.
    if (this.#response.writableEnded) return
    // A reset, because a plain close would look like the clean end of an answer without a length.
    resetSocket(this.#request.socket)
    this.#connection.done()
  }

  upgrade(): RawClient {
    throw new Error('the node:http lane hands upgrades to their own lane')
  }

  #finish(chunk: Buffer | undefined): void {
    this.#flushed = true
    if (chunk === undefined) this.#response.end()
    else if (chunk.length <= SHARED_MAX) this.#response.end(chunk.toString('latin1'), 'latin1')
    else this.#response.end(kept(chunk))
    if (this.#body !== undefined && !this.#request.complete) {
      if (this.#last) this.#body.closeGently()
      else this.#body.linger()
    }
    this.#connection.done()
  }
}

const withoutTrailer = (fields: string[]): string[] =>
  fieldValue(fields, 'trailer') === undefined ? fields : pickFields(fields, name => name !== 'trailer')

function pairs(fields: Fields): string[][] {
  const result: string[][] = []
  for (let i = 0; i < fields.length; i += 2) result.push([fields[i] as string, fields[i + 1] as string])
  return result
}
