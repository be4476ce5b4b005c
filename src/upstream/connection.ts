import type { Socket } from 'node:net'
import { type Fields, fieldValue } from '../http/fields.js'
import type { Phase } from '../policy/types.js'
import type { ResponseHead, ResponseSink, WireFault } from '../wire/events.js'
import { ResponseParser } from '../wire/response-parser.js'
import { chunkHead, lastChunk, requestHead } from '../wire/serialize.js'
import { passOn } from '../wire/shared-read.js'
import type { ProxyHop } from './egress-proxy.js'
import type { Line, LineUser, OutgoingHead } from './line.js'
import { refusedWith } from './proxy-connect.js'
import { resetSocket } from './reset-socket.js'
import { atHop, errorCode } from './to-fault.js'

export type ConnectionLimits = { readonly headBytes: number; readonly interimMax: number }

/** What a connection tells the pool; each is called at most once per use. */
export type ConnectionOwner = {
  readonly onReusable: (connection: Connection) => void
  readonly onGone: (connection: Connection) => void
}

/**
 * One socket to an upstream, speaking HTTP/1.1 for one attempt at a time, with the evidence rule R1 asks for:
 * fresh or reused, how long idle, and whether any byte was read since the request was handed over.
 */
export class Connection implements ResponseSink, Line {
  /** Requests carried so far, the current one included. */
  uses = 0
  /** Monotonic milliseconds; set by the pool. */
  idleSince = 0
  /** Announced by `Keep-Alive: timeout=`, in seconds. */
  announcedIdle: number | undefined
  bytesHanded = 0
  /** The proxy it leads through. */
  readonly hop: ProxyHop | undefined
  /** The same, where it is given whole requests instead of asked for a tunnel. */
  readonly #forwarder: ProxyHop | undefined
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #parser: ResponseParser
  #user: LineUser | undefined
  #chunked = false
  #requestDone = false
  #headSeen = false
  #raw = false
  #gone = false
  #error: unknown

  constructor(
    socket: Socket,
    limits: ConnectionLimits,
    owner: ConnectionOwner,
    hop?: ProxyHop | undefined,
    forwarder?: ProxyHop | undefined,
  ) {
    this.hop = hop
    this.#forwarder = forwarder
    this.#socket = socket
    this.#owner = owner
    this.#parser = new ResponseParser(this, limits)
    socket.on('error', error => {
      this.#error = error
    })
    socket.on('end', () => this.#onFin())
    socket.on('close', () => this.#onClose())
    socket.on('drain', () => this.#user?.onDrain())
  }

  get reused(): boolean {
    return this.uses > 1
  }

  get gone(): boolean {
    return this.#gone
  }

  begin(user: LineUser, head: OutgoingHead, bodyFollows: boolean): void {
    const { method, fields, framing, upgrade } = head
    this.#user = user
    this.uses++
    this.#requestDone = false
    this.#headSeen = false
    this.#chunked = framing.kind === 'chunked'
    this.bytesHanded = 0
    this.#parser.begin(method, upgrade === undefined ? undefined : { upgrade: true })
    if (bodyFollows) this.#cork()
    const { path, authority, extra } = this.#forwarder === undefined ? head : absoluteForm(head, this.#forwarder)
    this.#put(requestHead(method, path, authority, fields, framing, extra, upgrade))
  }

  write(chunk: Buffer): boolean {
    if (this.#raw || !this.#chunked) return this.#put(chunk)
    this.#put(chunkHead(chunk.length))
    this.#put(chunk)
    return this.#put('\r\n')
  }

  end(trailers: Fields): void {
    if (this.#raw) {
      this.#socket.end()
      return
    }
    if (this.#chunked) this.#put(lastChunk(trailers))
    this.#requestDone = true
  }

  #put(data: Buffer | string): boolean {
    this.bytesHanded += data.length
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : passOn(this.#socket, data)
  }

  /** Head and body chunks written until the next tick leave in one system call. */
  #cork(): void {
    this.#socket.cork()
    process.nextTick(() => this.#socket.uncork())
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#user = undefined
    this.#socket.destroy()
    this.#leave()
  }

  reset(): void {
    this.#user = undefined
    resetSocket(this.#socket)
    this.#leave()
  }

  /** Bytes from the socket. */
  receive(chunk: Buffer): void {
    if (this.#raw) {
      this.#user?.onData(chunk)
      return
    }
    const fault = this.#parser.feed(chunk)
    if (fault !== undefined) this.#breakOff(fault)
    else this.#user?.onReadEnd()
  }

  onInterim(head: ResponseHead): void {
    this.#user?.onInterim(head)
  }

  onHead(head: ResponseHead): void {
    // The next hop's question is ours to answer; the client, asked, would tell its password to us (RFC 9110 §15.5.8).
    if (head.status === 407 && this.#forwarder !== undefined) return this.#lockedOut()
    this.#headSeen = true
    if (this.uses === 1) this.announcedIdle = announcedIdle(head.fields)
    this.#user?.onHead(head)
  }

  onBody(chunk: Buffer): void {
    this.#user?.onData(chunk)
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    this.#raw = true
    this.#user?.onUpgrade(head, rest)
  }

  onEnd(trailers: Fields): void {
    // Settled before the user hears of it, so that its next attempt may take this very connection.
    const user = this.#user
    this.#settle()
    user?.onEnd(trailers)
  }

  /** The answer is complete: back to the pool, or closed when either side cannot go on. */
  #settle(): void {
    this.#user = undefined
    if (this.#gone) return
    // What the kernel has not taken of a refused body would stand before the next request.
    const requestGone = this.#requestDone && this.#socket.writableLength === 0
    if (!this.#parser.reusable || !requestGone) {
      this.#socket.destroy()
      this.#leave()
      return
    }
    // A paused socket in the pool would never hear of its own death.
    this.#socket.resume()
    this.#owner.onReusable(this)
  }

  #onFin(): void {
    if (this.#user !== undefined && (this.#raw || this.#parser.untilClose)) this.#probe()
    else this.#onCleanFin()
  }

  /**
   * A reset that arrives together with data is told as a plain end: libuv takes the hang-up for one and reads no further.
   * Where an end means something, an empty write finds out; it puts nothing on the wire.
   */
  #probe(): void {
    this.#socket.write('', error => {
      // Else the error has its own event, and `close` follows.
      if (!error && !this.#gone) this.#onCleanFin()
    })
  }

  #onCleanFin(): void {
    if (this.#raw) {
      this.#user?.onEnd([])
      return
    }
    if (this.#user === undefined) return this.destroy()
    const fault = this.#parser.eof()
    if (fault !== undefined) return this.#breakOff(fault)
    if (this.#user !== undefined) this.#socket.destroy()
  }

  /** Something that is not a clean answer: the socket dies, the user hears why. */
  #breakOff(fault: WireFault): void {
    const user = this.#user
    const phase: Phase = this.#headSeen ? 'answered' : 'junk'
    this.destroy()
    user?.onFault({ fault: fault.name, phase, details: `${fault.details} (${fault.section})` })
  }

  /** The next hop asks for another login than the configured one. */
  #lockedOut(): void {
    const user = this.#user
    this.destroy()
    user?.onFault(atHop(refusedWith(407)))
  }

  #onClose(): void {
    this.#leave()
    const user = this.#user
    this.#user = undefined
    const code = errorCode(this.#error)
    user?.onFault({
      fault: 'connection_terminated',
      phase: this.#phaseOfDeath(),
      details: code || 'closed',
      reset: code === 'ECONNRESET',
    })
  }

  #phaseOfDeath(): Phase {
    if (this.#headSeen || this.#raw) return 'answered'
    if (this.#parser.started) return 'junk'
    return this.reused ? 'stale' : 'reset'
  }

  #leave(): void {
    if (this.#gone) return
    this.#gone = true
    this.#owner.onGone(this)
  }
}

/** `Keep-Alive: timeout=5`, in seconds: how long the upstream says it keeps an idle socket. */
function announcedIdle(fields: Fields): number | undefined {
  const timeout = /(?:^|[,;\s])timeout=(\d{1,9})/i.exec(fieldValue(fields, 'keep-alive') ?? '')?.[1]
  return timeout === undefined ? undefined : Number(timeout)
}

/** For a proxy: the whole URL, and the login for this one hop (RFC 9112 §3.2.2, RFC 9110 §11.7.2). */
function absoluteForm({ path, authority, extra }: OutgoingHead, { authorization }: ProxyHop) {
  return {
    // RFC 9112 §3.2.4: for `OPTIONS *` the URL has no path.
    path: `http://${authority}${path === '*' ? '' : path}`,
    authority,
    extra: authorization === undefined ? extra : [...extra, 'Proxy-Authorization', authorization],
  }
}
