import type { ServerHttp2Stream } from 'node:http2'
import type { Exchange } from '../exchange/exchange.js'
import type { ClientAnswer, ClientBody, RawClient, RequestHead } from '../exchange/lane.js'
import type { Fields } from '../http/fields.js'
import { http2Fields, http2Head } from '../http/http2-fields.js'
import { misplacedDetail, misplacedTrailer } from '../http/trailer-fields.js'
import { kept } from '../wire/shared-read.js'

/** Bytes of an answer that wait for the client before its upstream is paused; Node's own mark would pause it at each read. */
const WRITE_BUFFER = 131_072

/** RFC 9113 §7. */
const NO_ERROR = 0

/** The request body of one stream. Until `start` the client may send a window's worth, which waits. */
export class Http2Body implements ClientBody {
  readonly #stream: ServerHttp2Stream
  readonly #head: RequestHead
  readonly #answer: Http2Answer
  #trailers: Fields = []

  constructor(stream: ServerHttp2Stream, head: RequestHead, answer: Http2Answer) {
    this.#stream = stream
    this.#head = head
    this.#answer = answer
    // They may be here before anybody reads the body.
    stream.once('trailers', (_fields: object, _flags: number, raw?: Fields) => {
      this.#trailers = raw ?? []
    })
  }

  start(sink: { onData: (chunk: Buffer) => void; onEnd: (trailers: Fields) => void }): void {
    const stream = this.#stream
    if (this.#head.expect && !stream.closed && !stream.headersSent) stream.additionalHeaders({ ':status': 100 })
    stream.on('data', sink.onData)
    const onEnd = () => {
      // A stream that was reset ends too; that is not the end of the body.
      if (!stream.closed) this.#onEnd(sink.onEnd)
    }
    // An empty body may be over before anybody reads it: Node says so at once, and only once.
    if (stream.readableEnded) process.nextTick(onEnd)
    else stream.once('end', onEnd)
  }

  /** A trailer that belongs in the head is malformed, but behind a known length the request is complete and takes none. */
  #onEnd(onEnd: (trailers: Fields) => void): void {
    if (this.#head.framing.kind !== 'chunked') return onEnd([])
    const misplaced = misplacedTrailer(this.#trailers)
    if (misplaced === undefined) onEnd(this.#trailers)
    else if (!this.#stream.writableEnded) this.#answer.breakRequest(misplacedDetail(misplaced))
  }

  /** Behind the end of the answer the rest is thrown away: a paused stream would never close. */
  pause(): void {
    if (!this.#stream.writableEnded) this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }
}

/** The answer of one stream. The connection carries others: whatever goes wrong here ends only this one. */
export class Http2Answer implements ClientAnswer {
  readonly #stream: ServerHttp2Stream
  #exchange: Exchange | undefined
  #left: number | undefined
  #blocked = false

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream
    // Unread, even the end of a request without a body makes Node send a reset behind its answer.
    if (stream.endAfterHeaders) stream.resume()
  }

  /** Whom this is the answer of: it hears when the client takes more, or leaves (L9). */
  attend(exchange: Exchange): void {
    const onGone = () => exchange.clientGone(false)
    this.#exchange = exchange
    this.#stream.on('drain', () => this.#onDrain())
    // Only `aborted` comes when a client resets without an error, only `close` when it asked with HEAD.
    this.#stream.once('aborted', onGone).once('close', onGone)
  }

  /** What came of the request is malformed: told to the client, or, behind the head of another answer, a reset. */
  breakRequest(detail: string): void {
    if (!this.#exchange?.clientBroke('bad_request', detail)) this.abort()
  }

  inform(status: number, _reason: string, fields: Fields): void {
    if (!this.#over && !this.#stream.headersSent) this.#stream.additionalHeaders(http2Head(status, fields))
  }

  /** Trailers behind a known length are passed on when they were announced; else the last byte is the end. */
  begin(status: number, _reason: string, fields: string[], length: number | undefined): void {
    if (this.#over) return
    const head = http2Head(status, fields)
    const trailers = length === undefined || (length > 0 && head['trailer'] !== undefined)
    this.#left = trailers ? undefined : length
    // Types and documentation do not know `sendDate` here: without it Node adds a `Date` to what has none.
    const options = { endStream: length === 0, waitForTrailers: trailers, sendDate: false }
    this.#stream.respond(head, options)
    if (this.#stream.writableEnded) this.#ended()
  }

  /** Its head went out at once. */
  flush(): void {}

  write(chunk: Buffer): boolean {
    const stream = this.#stream
    if (this.#over || stream.writableEnded) return true
    if (this.#left !== undefined) {
      this.#left -= chunk.length
      // The end of the stream goes out with the last bytes of a known length.
      if (this.#left <= 0) {
        stream.end(kept(chunk))
        this.#ended()
        return true
      }
    }
    if (stream.write(kept(chunk)) || stream.writableLength < WRITE_BUFFER) return true
    this.#blocked = true
    return false
  }

  end(trailers: Fields): void {
    const stream = this.#stream
    if (this.#over || stream.writableEnded) return
    stream.once('wantTrailers', () => {
      stream.sendTrailers(http2Fields(trailers))
      // Node sends them in the next phase of its loop.
      setImmediate(() => this.#ended())
    })
    stream.end()
    if (this.#left !== undefined) this.#ended()
  }

  abort(): void {
    // `close` would send END_STREAM before the reset, and a truncated answer would look whole. This sends INTERNAL_ERROR.
    this.#stream.destroy(new Error('the answer was broken off'))
  }

  upgrade(): RawClient {
    throw new Error('HTTP/2 has no upgrades (RFC 9113 §8.6)')
  }

  get #over(): boolean {
    return this.#stream.closed || this.#stream.destroyed
  }

  /** Nothing that still comes is wanted: it is thrown away, and a client that has more to send is told to stop (RFC 9113 §8.1). */
  #ended(): void {
    const stream = this.#stream
    if (this.#over || stream.endAfterHeaders || stream.readableEnded) return
    stream.removeAllListeners('data')
    stream.resume()
    if (stream.state.remoteClose === 0) stream.close(NO_ERROR)
  }

  #onDrain(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#exchange?.onClientDrain()
  }
}
