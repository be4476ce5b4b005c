import type { Fields } from '../http/fields.js'
import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'
import type { Framing, ResponseHead } from '../wire/events.js'
import type { Line, LineNeed, LineUser, OutgoingHead } from './line.js'
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

export type Order = OutgoingHead &
  LineNeed & {
    readonly body: RequestBody | undefined
    /** The head carries `Expect: 100-continue`: the body waits for the upstream's word. */
    readonly expect: boolean
    readonly connectTimeout: Millis
  }

/** What one attempt gives: all that happens on its line, and how far the request has come. */
export type AttemptSink = LineUser & {
  /** A line is held and the head was handed over. */
  readonly onDispatched: (reused: boolean) => void
  /** The whole request was handed over. */
  readonly onSent: () => void
}

/** An upstream that ignores `Expect` must not hold the body back for ever (RFC 9110 §10.1.1). */
const CONTINUE_WAIT = millis(1_000)

/** One attempt: gets a line, hands over the request, and reports what comes back. */
export class Dispatch implements LineUser, BodyWriter {
  readonly #upstream: Upstream
  readonly #order: Order
  readonly #sink: AttemptSink
  readonly #clock: Clock
  #line: Line | undefined
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
    return this.#line?.bytesHanded ?? 0
  }

  start(): void {
    const open = this.#upstream.take(this.#order)
    if (open !== undefined) return this.#handOver(open)
    this.#cancelDial = this.#upstream.connect(this.#order, this.#order.connectTimeout, result => {
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
    if (reset) this.#line?.reset()
    else this.#line?.destroy()
  }

  /** Once the attempt is over, its line may serve another: an answer that was read whole waits for its client elsewhere. */
  pause(): void {
    if (!this.#over) this.#line?.pause()
  }

  resume(): void {
    if (!this.#over) this.#line?.resume()
  }

  /** After an upgrade: the client's bytes, and its half-close. */
  writeRaw(chunk: Buffer): boolean {
    return this.#line?.write(chunk) ?? true
  }

  endRaw(): void {
    this.#line?.end([])
  }

  #handOver(line: Line): void {
    const { body, expect } = this.#order
    this.#line = line
    line.begin(this, this.#order, body !== undefined && !expect)
    this.#sink.onDispatched(line.reused)
    if (body === undefined) return this.end([])
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

  write(chunk: Buffer): boolean {
    return chunk.length === 0 ? true : (this.#line?.write(chunk) ?? true)
  }

  end(trailers: Fields): void {
    this.#sink.onSent()
    this.#line?.end(trailers)
  }

  fail(details: string): void {
    const line = this.#line
    this.#report({ fault: 'connection_terminated', phase: 'reset', details })
    line?.destroy()
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
    if (fault.phase === 'stale') this.#upstream.distrust()
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
