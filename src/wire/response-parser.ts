import type { Fields } from '../http/fields.js'
import { endToEndTrailers } from '../http/trailer-fields.js'
import { ChunkedDecoder } from './chunked.js'
import type { ResponseHead, ResponseSink, WireFault } from './events.js'
import { isForeign, parseResponseHead, STATUS_LINE_START } from './response-head.js'
import { SectionBuffer } from './section-buffer.js'

export type ResponseLimits = {
  /** One head, status line and empty line included; also one trailer section. */
  readonly headBytes: number
  /** 1xx answers before the final one. */
  readonly interimMax: number
}

/** 101 is welcome only when the request asked for an upgrade (RFC 9110 §15.2.2). */
export type BeginOptions = { readonly upgrade?: boolean | undefined }

type Step = 'idle' | 'head' | 'length' | 'chunked' | 'close' | 'ended' | 'upgraded'

const HEAD_END = Buffer.from('\r\n\r\n')

const UNSOLICITED: WireFault = {
  name: 'http_protocol_error',
  details: 'bytes that no request asked for',
  section: 'RFC 9112 §9.2',
}

/**
 * One connection's answers, bytes in, events out: strict, incremental, no sockets (RFC 9112).
 * The first fault is final. Body chunks are views of what was fed, nothing else of it is kept by reference.
 * The sink may call `begin` from within `onEnd`.
 */
export class ResponseParser {
  readonly #sink: ResponseSink
  readonly #limits: ResponseLimits
  readonly #section: SectionBuffer
  #step: Step = 'idle'
  #method = ''
  #upgrade = false
  #started = false
  #interims = 0
  #left = 0
  #chunked: ChunkedDecoder | undefined
  /** Of the chunked answer under way. */
  #fields: Fields = []
  #keepAlive = false
  #surplus = false
  #fault: WireFault | undefined

  constructor(sink: ResponseSink, limits: ResponseLimits) {
    this.#sink = sink
    this.#limits = limits
    this.#section = new SectionBuffer(limits.headBytes)
  }

  /** A byte has been read since `begin`. */
  get started(): boolean {
    return this.#started
  }

  /** The answer that `begin` asked for is complete. */
  get done(): boolean {
    return this.#step === 'ended'
  }

  /** In a body that only the end of the connection ends (RFC 9112 §6.3): a clean one is its last evidence. */
  get untilClose(): boolean {
    return this.#step === 'close'
  }

  /** No answer is awaited: a byte now is a fault. */
  get idle(): boolean {
    return this.#step === 'idle' || this.#step === 'ended'
  }

  /** The answer is complete, its connection persists, and nothing came behind it: safe for another request. */
  get reusable(): boolean {
    return this.#step === 'ended' && this.#keepAlive && !this.#surplus && this.#fault === undefined
  }

  /** Arms for the answer to one request. Before the former answer has ended this is a fault, told by `feed`. */
  begin(method: string, options?: BeginOptions): void {
    if (!this.idle) this.#fail('next request before the answer ended', 'RFC 9112 §9.3')
    this.#step = 'head'
    this.#method = method
    this.#upgrade = options?.upgrade === true
    this.#started = false
    this.#interims = 0
    this.#keepAlive = false
  }

  /** Never throws, unless the sink does. */
  feed(chunk: Buffer): WireFault | undefined {
    if (chunk.length === 0 || this.#fault !== undefined) return this.#fault
    if (this.idle) return this.#refuse(UNSOLICITED)
    this.#started = true
    let at = 0
    while (at < chunk.length) {
      if (this.#step === 'head') at = this.#head(chunk, at)
      else if (this.#step === 'length') at = this.#length(chunk, at)
      else if (this.#step === 'chunked') at = this.#chunks(chunk, at)
      else if (this.#step === 'close') at = this.#rest(chunk, at)
      else return this.#refuse(UNSOLICITED)
      if (this.#fault !== undefined) return this.#fault
      // Found before `onEnd`, because the sink may have begun anew: these bytes are not the answer to that.
      if (this.#surplus) return this.#refuse(UNSOLICITED)
    }
    return undefined
  }

  /** The peer has sent its last byte. `undefined` with no event when nothing was begun or nothing had arrived. */
  eof(): WireFault | undefined {
    if (this.#fault !== undefined) return this.#fault
    if (this.#step === 'close') this.#end([], true)
    else if (!this.idle && this.#step !== 'upgraded' && this.#started) {
      const details = this.#step === 'head' ? 'connection closed within the head' : 'connection closed within the body'
      return this.#refuse({ name: 'http_response_incomplete', details, section: 'RFC 9112 §8' })
    }
    return undefined
  }

  #head(chunk: Buffer, start: number): number {
    const { headBytes } = this.#limits
    const known = this.#section.size
    if (known === 0) {
      const end = chunk.indexOf(HEAD_END, start) + HEAD_END.length
      if (end >= HEAD_END.length && end - start <= headBytes) {
        return this.#onHead(chunk.toString('latin1', start, end), chunk, end)
      }
    }
    const end = this.#section.add(chunk, start)
    if (this.#section.fault !== undefined) this.#fault = this.#section.fault
    if (end !== -1) return this.#onHead(this.#section.take(), chunk, end)
    if (known < STATUS_LINE_START && isForeign(this.#section.text)) this.#fail('not an HTTP/1.x answer', 'RFC 9112 §4')
    return chunk.length
  }

  #onHead(text: string, chunk: Buffer, end: number): number {
    const head = parseResponseHead(text, this.#method)
    if ('section' in head) this.#fault = head
    else if (head.status === 101 || this.#opensTunnel(head)) return this.#onUpgrade(head, chunk, end)
    else if (head.status < 200) this.#onInterim(head)
    else this.#onFinal(head, end === chunk.length)
    return end
  }

  /** RFC 9110 §9.3.6: any 2xx to CONNECT, whatever it says of a length. */
  #opensTunnel({ status }: ResponseHead): boolean {
    return this.#method === 'CONNECT' && status >= 200 && status < 300
  }

  #onUpgrade(head: ResponseHead, chunk: Buffer, end: number): number {
    if (head.status === 101 && !this.#upgrade) {
      this.#fail('101 that no request asked for', 'RFC 9110 §15.2.2')
      return end
    }
    this.#step = 'upgraded'
    this.#sink.onUpgrade(head, chunk.subarray(end))
    return chunk.length
  }

  #onInterim(head: ResponseHead): void {
    if (++this.#interims > this.#limits.interimMax) this.#fail('too many interim answers', 'RFC 9110 §15.2')
    else this.#sink.onInterim(head)
  }

  #onFinal(head: ResponseHead, last: boolean): void {
    const { framing } = head
    this.#keepAlive = head.keepAlive
    if (framing.kind === 'chunked') {
      this.#chunked = new ChunkedDecoder(this.#limits.headBytes, data => this.#sink.onBody(data))
      this.#fields = head.fields
      this.#step = 'chunked'
    } else if (framing.kind === 'close') this.#step = 'close'
    else {
      this.#left = framing.kind === 'length' ? framing.length : 0
      this.#step = 'length'
    }
    this.#sink.onHead(head)
    if (this.#step === 'length' && this.#left === 0) this.#end([], last)
  }

  #length(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#left)
    this.#left -= end - start
    this.#sink.onBody(chunk.subarray(start, end))
    if (this.#left === 0) this.#end([], end === chunk.length)
    return end
  }

  #chunks(chunk: Buffer, start: number): number {
    const decoder = this.#chunked
    if (decoder === undefined) return chunk.length
    const end = decoder.read(chunk, start)
    this.#fault = decoder.fault
    if (decoder.ended) this.#end(endToEndTrailers(decoder.trailers, this.#fields), end === chunk.length)
    return end
  }

  #rest(chunk: Buffer, start: number): number {
    this.#sink.onBody(start === 0 ? chunk : chunk.subarray(start))
    return chunk.length
  }

  /** @param last nothing came behind the answer. */
  #end(trailers: Fields, last: boolean): void {
    this.#step = 'ended'
    this.#chunked = undefined
    this.#surplus = !last
    this.#sink.onEnd(trailers)
  }

  #fail(details: string, section: string): void {
    this.#refuse({ name: 'http_protocol_error', details, section })
  }

  #refuse(fault: WireFault): WireFault {
    this.#fault ??= fault
    return this.#fault
  }
}
