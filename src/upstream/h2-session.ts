import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2Fields } from '../http/http2-fields.js'
import type { Clock } from '../time/clock.js'
import type { ConnectionLimits } from './connection.js'
import type { ProxyHop } from './egress-proxy.js'
import { NOT_H2 } from './h2-fault.js'
import { H2Stream } from './h2-stream.js'
import { throughJs } from './js-stream.js'
import { TRUSTED_IDLE } from './pool.js'
import { errorCode } from './to-fault.js'

/** What a session tells its origin. */
export type H2Owner = {
  /** SETTINGS are here, and with them the number of streams that the peer takes. */
  readonly onSettled: (session: H2Session) => void
  readonly onGone: (session: H2Session) => void
  /** The peer answers this origin by HTTP/1.1 only (RFC 9113 §7). */
  readonly onHttp11Required: () => void
}

/** What an answer's sender may have under way before it is read: one stream, and all streams of a connection. */
const STREAM_WINDOW = 1_048_576
const SESSION_WINDOW = 16_777_216
/** Streams at once, whatever more the peer would take. */
const STREAMS_MAX = 1_000
/** Before SETTINGS came: whoever sends more may be refused by a peer that takes few (RFC 9113 §5.1.2). */
const UNSETTLED_MAX = 1
/** Stream identifiers are not used again, and end at 2^31-1 (RFC 9113 §5.1.1). */
const LAST_STREAM = 2 ** 31 - 100_000
/** After so long without a sign of life, a request that is given up takes its connection out of use. */
const PATIENCE = 1_000
/** What counts as one field line at least (RFC 9113 §6.5.2). */
const FIELD_OVERHEAD = 32

/**
 * One HTTP/2 connection to an origin. Floods are bounded by Node: it kills a connection whose peer sends more than
 * 1,000 invalid frames, or makes us owe it more than 1,000 acknowledgements of SETTINGS and PING.
 */
export class H2Session {
  /** Streams opened so far. */
  uses = 0
  readonly hop: ProxyHop | undefined
  readonly limits: ConnectionLimits
  readonly #clock: Clock
  readonly #owner: H2Owner
  readonly #socket: Socket
  readonly #session: ClientHttp2Session
  #open = 0
  #streamsMax: number | undefined
  #idleSince: number
  #heardAt: number
  #retired = false
  #gone = false
  /** The highest stream that the peer will look at, once it said so. */
  #lastStream: number | undefined

  constructor(socket: Socket, limits: ConnectionLimits, clock: Clock, owner: H2Owner, hop: ProxyHop | undefined) {
    this.#socket = socket
    this.limits = limits
    this.#clock = clock
    this.#owner = owner
    this.hop = hop
    this.#idleSince = clock.monotonic()
    this.#heardAt = this.#idleSince
    this.#session = openSession(socket, limits.headBytes)
    this.#listen()
  }

  #listen(): void {
    const session = this.#session
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      this.heard()
      const first = this.#streamsMax === undefined
      // A peer that takes none for now gets one to queue.
      this.#streamsMax = Math.min(STREAMS_MAX, Math.max(1, maxConcurrentStreams ?? STREAMS_MAX))
      if (first) this.#owner.onSettled(this)
    })
    session.on('goaway', (_, lastStream) => {
      this.#lastStream = Math.min(this.#lastStream ?? lastStream, lastStream)
      this.#retired = true
    })
    // What happened is told to each stream.
    session.on('error', () => undefined)
    this.#socket.on('error', () => undefined)
    session.on('close', () => {
      this.#gone = true
      this.#owner.onGone(this)
    })
  }

  /** How many streams the peer takes at once; `undefined` until it said so. */
  get streamsMax(): number | undefined {
    return this.#streamsMax
  }

  /** Another stream may be opened. */
  get usable(): boolean {
    return (
      !this.#retired &&
      !this.#session.closed &&
      !this.#session.destroyed &&
      this.#open < (this.#streamsMax ?? UNSETTLED_MAX)
    )
  }

  /** Heard of so recently that its death would be a surprise. */
  get trusted(): boolean {
    return this.now - this.#heardAt < TRUSTED_IDLE
  }

  /** Milliseconds without a stream; 0 while there is one. */
  get idle(): number {
    return this.#open > 0 ? 0 : this.now - this.#idleSince
  }

  get now(): number {
    return this.#clock.monotonic()
  }

  /** All bytes read, those of frames that nobody hears of included. */
  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  /** A line for one attempt; to be begun at once. */
  line(): H2Stream {
    return new H2Stream(this)
  }

  /** Opens a stream. @returns `undefined` when the connection takes none, or not with these fields */
  request(
    fields: Http2Fields,
    options: { readonly endStream: boolean; readonly waitForTrailers: boolean },
  ): ClientHttp2Stream | undefined {
    if (this.#retired || this.#session.closed || this.#session.destroyed) return undefined
    try {
      const stream = this.#session.request(fields, options)
      this.uses++
      this.#open++
      if ((stream.id ?? 0) >= LAST_STREAM) this.retire()
      return stream
    } catch (error) {
      if (errorCode(error) !== 'ERR_HTTP2_HEADER_SINGLE_VALUE') this.retire()
      return undefined
    }
  }

  /** A stream is gone. */
  left(): void {
    if (--this.#open > 0) return
    this.#idleSince = this.now
    if (this.#retired) this.destroy()
  }

  /** Something arrived. */
  heard(): void {
    this.#heardAt = this.now
  }

  /** A request was given up before its answer: after too long a silence the connection is no longer believed in. */
  gaveUp(begunAt: number): void {
    if (this.now - Math.max(begunAt, this.#heardAt) >= PATIENCE) this.retire()
  }

  /** The peer said that it will not look at this stream, so nothing came of it (RFC 9113 §6.8). */
  disowns(stream: number | undefined): boolean {
    return stream === undefined || (this.#lastStream !== undefined && stream > this.#lastStream)
  }

  /** The peer answers by HTTP/1.1 only. */
  requireHttp11(): void {
    this.#owner.onHttp11Required()
    this.retire()
  }

  /** Nothing more can come over this connection. */
  get lost(): boolean {
    return this.#session.destroyed
  }

  /** No new streams; those that are open may end. */
  retire(): void {
    this.#retired = true
    if (this.#open === 0) this.destroy()
  }

  /** Says goodbye and closes. A peer that leaves its side open is given until the next sweep. */
  destroy(): void {
    this.#retired = true
    this.#session.destroy()
  }

  /** Ends what should have ended by itself. */
  sweep(idleLimit: number): void {
    if (this.#gone || this.#open > 0) return
    if (this.#session.destroyed) this.#socket.destroy()
    else if (this.#retired || this.idle >= idleLimit) this.destroy()
  }
}

/** As Node calls it where it is told. */
const notHttp2 = (): Error => Object.assign(new Error('malformed HTTP/2'), { code: NOT_H2 })

/** `node:http2` is only loaded when an upstream chooses it. @param socket connected, ALPN done */
function openSession(socket: Socket, headBytes: number): ClientHttp2Session {
  const { connect } = process.getBuiltinModule('node:http2')
  // Twice the limit, because this counts otherwise; the limit itself is checked on what came.
  const section = 2 * headBytes
  const session = connect('https://upstream', {
    createConnection: () => throughJs(socket, () => setImmediate(() => session.destroy(notHttp2()))),
    maxHeaderListPairs: Math.ceil(section / FIELD_OVERHEAD),
    maxSendHeaderBlockLength: 65_536 + section,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: section },
  })
  session.setLocalWindowSize(SESSION_WINDOW)
  session.socket.on('error', () => undefined)
  return session
}
