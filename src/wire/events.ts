import type { Fields } from '../http/fields.js'
import type { HttpVersion } from '../http/via.js'

/** How the end of a message body is found (RFC 9112 §6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** Answers only: the body ends with the connection. */
  | { readonly kind: 'close' }

export type ResponseHead = {
  readonly status: number
  readonly reason: string
  readonly version: HttpVersion
  readonly fields: Fields
  readonly framing: Framing
  /** The connection may carry another request once this answer has ended (RFC 9112 §9.3). */
  readonly keepAlive: boolean
}

/** What was wrong with an answer; `section` names the governing text. */
export type WireFault = {
  readonly name: 'http_protocol_error' | 'http_response_incomplete' | 'http_response_header_section_size'
  readonly details: string
  readonly section: string
}

/** Where a parser puts what it found. Body chunks are views of the bytes that were fed, and may not outlive the call: see `shared-read.ts`. */
export type ResponseSink = {
  /** A 1xx answer other than 101 (RFC 9110 §15.2). */
  readonly onInterim: (head: ResponseHead) => void
  readonly onHead: (head: ResponseHead) => void
  readonly onBody: (chunk: Buffer) => void
  /** The answer is complete. */
  readonly onEnd: (trailers: Fields) => void
  /** After 101, or 2xx to CONNECT: the connection is no longer HTTP; `rest` was read beyond the head. */
  readonly onUpgrade: (head: ResponseHead, rest: Buffer) => void
}
