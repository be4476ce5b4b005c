import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Fields } from '../http/fields.js'
import type { Cancel, Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import { throughJs } from '../upstream/js-stream.js'
import { ResetBudget } from './reset-budget.js'

/** As for HTTP/1.1: how long a connection may be open without a request. */
const IDLE = seconds(65)
/** How long a client may take to read that we closed, and to close. */
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

/** RFC 9113 §7. */
const ENHANCE_YOUR_CALM = 0xb

/** Serves one request. @param raw its fields as they came, pseudo-header fields among them */
type StreamHandler = (stream: ServerHttp2Stream, raw: Fields) => void

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
  readonly #all: Http2Connections
  #streams = 0
  #cancelTimer: Cancel | undefined

  /** @param headerBytes longest header section, as HTTP/1.1 counts */
  constructor(socket: TLSSocket, clock: Clock, headerBytes: number, all: Http2Connections, handler: StreamHandler) {
    this.#socket = socket
    this.#clock = clock
    this.#handler = handler
    this.#all = all
    this.#resets = new ResetBudget(clock)
    // Only loaded when a client chooses it.
    this.#session = process.getBuiltinModule('node:http2').performServerHandshake(
      throughJs(socket, () => this.#onGoodbye()),
      {
        settings: {
          maxConcurrentStreams: STREAMS_MAX,
          initialWindowSize: STREAM_WINDOW,
          maxHeaderListSize: headerBytes + LINES_MAX * FIELD_OVERHEAD,
        },
        maxHeaderListPairs: LINES_MAX,
        maxSessionMemory: MEMORY_MAX,
      },
    )
    this.#session.setLocalWindowSize(CONNECTION_WINDOW)
    this.#session.on('stream', (stream, _headers, _flags, raw?: Fields) => this.#onStream(stream, raw ?? []))
    // What goes wrong is told to the streams, and the connection closes.
    this.#session.on('error', () => undefined)
    this.#session.socket.on('error', () => undefined)
    this.#session.once('close', () => {
      this.#cancelTimer?.()
      all.delete(this)
    })
    all.add(this)
    this.#startTimer()
  }

  /**
   * Shutting down: no further requests; those under way are finished (F7). RFC 9113 §6.8 asks for a notice before the
   * real GOAWAY; behind any that Node can send, nghttp2 takes no request, and the client reads which ones to repeat.
   */
  drain(): void {
    if (this.#streams === 0) this.#close()
    else this.#session.close()
  }

  #onStream(stream: ServerHttp2Stream, raw: Fields): void {
    // What ends a stream is told by `close`; an error without a listener would end the process.
    stream.on('error', () => undefined)
    // Reset in the same read as it was asked for: nothing has begun.
    if (stream.destroyed) return this.#onReset()
    this.#streams++
    this.#cancelTimer?.()
    stream.once('close', () => {
      this.#streams--
      if (!stream.headersSent && !this.#session.destroyed) this.#onReset()
      if (this.#streams === 0 && this.#all.has(this)) this.#startTimer()
    })
    this.#handler(stream, raw)
  }

  /** The client was told that its HTTP/2 is malformed. The streams under way hear of it when the socket closes. */
  #onGoodbye(): void {
    this.#all.delete(this)
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.schedule(LINGER, () => this.#socket.destroy())
  }

  #onReset(): void {
    if (this.#resets.spend() || this.#session.destroyed) return
    this.#session.destroy(new Error('more requests were reset than may be'), ENHANCE_YOUR_CALM)
  }

  #startTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.schedule(this.#session.destroyed ? LINGER : IDLE, () => this.#close())
  }

  /** Says goodbye, and closes also when the client does not answer it. */
  #close(): void {
    this.#session.close()
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.schedule(LINGER, () => this.#socket.destroy())
  }
}
