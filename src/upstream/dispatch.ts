import type { Fields } from '../http/fields.js'
import { endToEndTrailers } from '../http/hop-by-hop.js'
import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'
import type { Framing, ResponseHead } from '../wire/events.js'
import { chunkHead, lastChunk } from '../wire/serialize.js'
import type { Connection, ConnectionUser } from './connection.js'
import type { AttemptFault } from './to-fault.js'
import type { Upstream } from './upstream.js'

/** Takes a request body, chunk by chunk. */
export type BodyWriter = {
  /** @returns false when the body should wait for `RequestBody.more`. */
  readonly write: (chunk: Buffer) => boolean
  readonly end: (trailers: Fields) => void
  /** The body cannot be given (any more). */
  readonly fail: (details: string) => void
}

/** A request body that gives itself, from its first byte, to one attempt after the other. */
export type RequestBody = {
  readonly framing: Framing
  readonly pour: (into: BodyWriter) => void
  readonly more: () => void
  /** Stops giving, and stops reading the client; what was read stays kept. */
  readonly halt: () => void
}

export type Order = {
  readonly method: string
  /** Request line and fields, serialized. */
  readonly head: string
  readonly body: RequestBody | undefined
  /** The head carries `Expect: 100-continue`: the body waits for the upstream's word. */
  readonly expect: boolean
  readonly upgrade: boolean
  /** Only a new socket will do. */
  readonly fresh: boolean
  /** Only a new or very recently used socket will do (R3). */
  readonly trusted: boolean
  readonly connectTimeout: Millis
}

/** What one attempt gives: all that happens on its connection, and how far the request has come. */
export type AttemptSink = ConnectionUser & {
  /** A connection is held and the head was handed over. */
  readonly onDispatched: (reused: boolean) => void
  /** The whole request was handed over. */
  readonly onSent: () => void
}

/** An upstream that ignores `Expect` must not hold the body back for ever (RFC 9110 §10.1.1). */
const CONTINUE_WAIT = millis(1_000)

/** One attempt: gets a connection, hands over the request, and reports what comes back. */
export class Dispatch implements ConnectionUser, BodyWriter {
  readonly #upstream: Upstream
  readonly #order: Order
  readonly #sink: AttemptSink
  readonly #clock: Clock
  #connection: Connection | undefined
  #cancelDial: Cancel | undefined
  #cancelContinue: Cancel | undefined
  #over = false
  #raw = false

  constructor(upstream: Upstream, order: Order, sink: AttemptSink, clock: Clock) {
    this.#upstream = upstream
    this.#order = order
    this.#sink = sink
    this.#clock = clock
  }

  get bytesSent(): number {
    return this.#connection?.bytesHanded ?? 0
  }

  start(): void {
    const { fresh, trusted, connectTimeout } = this.#order
    const idle = fresh ? undefined : this.#upstream.pool.take(trusted)
    if (idle !== undefined) return this.#handOver(idle)
    this.#cancelDial = this.#upstream.connect(connectTimeout, result => {
      this.#cancelDial = undefined
      if ('fault' in result) return this.onFault(result)
      if (this.#over) return result.destroy()
      this.#handOver(result)
    })
  }

  /** Ends the attempt at once; nothing more is reported. @param reset with a TCP reset */
  abort(reset = false): void {
    if (this.#over) return
    this.#finish()
    if (reset) this.#connection?.reset()
    else this.#connection?.destroy()
  }

  pause(): void {
    this.#connection?.pause()
  }

  resume(): void {
    this.#connection?.resume()
  }

  /** After an upgrade: the client's bytes, and its half-close. */
  writeRaw(chunk: Buffer): boolean {
    return this.#connection?.write(chunk) ?? true
  }

  endRaw(): void {
    this.#connection?.end()
  }

  #handOver(connection: Connection): void {
    const { method, head, body, expect, upgrade } = this.#order
    this.#connection = connection
    if (body !== undefined && !expect) connection.cork()
    connection.begin(this, method, head, upgrade)
    this.#sink.onDispatched(connection.reused)
    if (body === undefined) return this.#sent()
    if (!expect) return body.pour(this)
    this.#cancelContinue = this.#clock.schedule(CONTINUE_WAIT, () => this.#continue())
  }

  #continue(): void {
    if (this.#cancelContinue === undefined) return
    this.#stopWaiting()
    this.#order.body?.pour(this)
  }

  #stopWaiting(): void {
    this.#cancelContinue?.()
    this.#cancelContinue = undefined
  }

  #sent(): void {
    this.#sink.onSent()
    this.#connection?.requestDone()
  }

  write(chunk: Buffer): boolean {
    const connection = this.#connection
    if (connection === undefined || chunk.length === 0) return true
    if (this.#order.body?.framing.kind !== 'chunked') return connection.write(chunk)
    connection.write(chunkHead(chunk.length))
    connection.write(chunk)
    return connection.write('\r\n')
  }

  end(trailers: Fields): void {
    if (this.#order.body?.framing.kind === 'chunked') this.#connection?.write(lastChunk(endToEndTrailers(trailers)))
    this.#sent()
  }

  fail(details: string): void {
    const connection = this.#connection
    this.#report({ fault: 'connection_terminated', phase: 'reset', details })
    connection?.destroy()
  }

  onDrain(): void {
    this.#order.body?.more()
    this.#sink.onDrain()
  }

  onInterim(head: ResponseHead): void {
    if (head.status === 100) this.#continue()
    else this.#sink.onInterim(head)
  }

  onHead(head: ResponseHead): void {
    this.#stopWaiting()
    this.#sink.onHead(head)
  }

  onData(chunk: Buffer): void {
    this.#sink.onData(chunk)
  }

  onReadEnd(): void {
    this.#sink.onReadEnd()
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    this.#raw = true
    this.#sink.onUpgrade(head, rest)
  }

  onEnd(trailers: Fields): void {
    if (this.#over) return
    // A half-closed raw stream still takes the client's bytes.
    if (!this.#raw) this.#finish()
    this.#sink.onEnd(trailers)
  }

  onFault(fault: AttemptFault): void {
    if (fault.phase === 'stale') this.#upstream.pool.distrust()
    this.#report(fault)
  }

  #report(fault: AttemptFault): void {
    if (this.#over) return
    this.#finish()
    this.#sink.onFault(fault)
  }

  /** Nothing of this attempt may act after its end: no dial, no timer, no reading of the client. */
  #finish(): void {
    this.#over = true
    this.#stopWaiting()
    this.#cancelDial?.()
    this.#cancelDial = undefined
    this.#order.body?.halt()
  }
}
