import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Fields } from '../http/fields.js'
import type { Cancel, Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import { ResetBudget } from './reset-budget.js'

/** As for HTTP/1.1: how long a connection may be open without a request. */
const IDLE = seconds(65)
/** How long a client may take to close after we did. */
const LINGER = seconds(2)
/** Requests at once. RFC 9113 §6.5.2 asks for 100 at least; bodies that wait cost a window each. */
const STREAMS_MAX = 128
/** What a client may send of a body before it is read. Nearly a megabyte in flight per connection, for throughput. */
const STREAM_WINDOW = 262_144
const CONNECTION_WINDOW = 1_048_576
/** Field lines, cookie crumbs included: with more the stream is reset before we see it. */
const LINES_MAX = 512
/** What each field counts for beside its bytes (RFC 9113 §6.5.2). */
const FIELD_OVERHEAD = 32
/** Megabytes that a connection may hold in Node before it refuses new streams. */
const MEMORY_MAX = 64
/** Of a GOAWAY that only announces another (RFC 9113 §6.8). */
const ANY_STREAM = 2_147_483_647

const { NGHTTP2_NO_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants

/** Serves one request. @param raw its fields as they came, pseudo-header fields among them */
export type StreamHandler = (stream: ServerHttp2Stream, raw: Fields) => void

/** All HTTP/2 connections of clients. */
export type Http2Connections = Set<Http2Connection>

/**
 * One client connection that speaks HTTP/2: how long it lives, and what it may ask for. Floods of SETTINGS, PING,
 * CONTINUATION and malformed frames are ended by nghttp2 and Node.
 */
export class Http2Connection {
  readonly #session: ServerHttp2Session
  readonly #socket: TLSSocket
  readonly #clock: Clock
  readonly #handler: StreamHandler
  readonly #resets: ResetBudget
  #streams = 0
  #cancelTimer: Cancel | undefined

  /** @param headerBytes longest header section, as HTTP/1.1 counts */
  constructor(socket: TLSSocket, clock: Clock, headerBytes: number, all: Http2Connections, handler: StreamHandler) {
    this.#socket = socket
    this.#clock = clock
    this.#handler = handler
    this.#resets = new ResetBudget(clock)
    // A TLS error may come after the session let go of the socket.
    socket.on('error', () => undefined)
    this.#session = performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: STREAMS_MAX,
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: headerBytes + LINES_MAX * FIELD_OVERHEAD,
      },
      maxHeaderListPairs: LINES_MAX,
      maxSessionMemory: MEMORY_MAX,
    })
    // Node tells only clients that their handshake is over, and its HTTP/2 waits until it is told.
    socket.emit('secureConnect')
    this.#session.setLocalWindowSize(CONNECTION_WINDOW)
    this.#session.on('stream', (stream, _headers, _flags, raw?: Fields) => this.#onStream(stream, raw ?? []))
    // It is told to the streams, and the connection closes.
    this.#session.on('error', () => undefined)
    this.#session.once('close', () => {
      this.#cancelTimer?.()
      all.delete(this)
    })
    all.add(this)
    this.#startTimer()
  }

  /** Shutting down: no further requests; those under way are finished (F7). */
  drain(): void {
    const session = this.#session
    if (session.closed || session.destroyed) return
    if (this.#streams === 0) return this.#close()
    // Requests that are on their way to us now are still served (RFC 9113 §6.8).
    session.goaway(NGHTTP2_NO_ERROR, ANY_STREAM)
    session.ping(() => {
      if (!session.destroyed) session.close()
    })
  }

  #onStream(stream: ServerHttp2Stream, raw: Fields): void {
    // Reset in the same read as it was asked for: nothing has begun.
    if (stream.destroyed) return this.#onReset()
    this.#streams++
    this.#cancelTimer?.()
    stream.once('close', () => {
      this.#streams--
      if (this.#session.destroyed) return
      if (!stream.headersSent) this.#onReset()
      if (this.#streams === 0) this.#startTimer()
    })
    this.#handler(stream, raw)
  }

  #onReset(): void {
    if (this.#resets.spend() || this.#session.destroyed) return
    this.#session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #startTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.schedule(IDLE, () => this.#close())
  }

  /** Says goodbye, and closes also when the client does not answer it. */
  #close(): void {
    this.#session.close()
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.schedule(LINGER, () => this.#socket.destroy())
  }
}
