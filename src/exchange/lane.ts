import type { Fields } from '../http/fields.js'
import type { HttpVersion } from '../http/via.js'
import type { Framing } from '../wire/events.js'

/**
 * What a lane (`node:http`, HTTP/2; later a fast lane) and an exchange know of each other:
 * raw field lines and a push body, never a stream object.
 */

export type RequestHead = {
  readonly method: string
  readonly fields: Fields
  readonly framing: Framing
  /** `Expect: 100-continue` was asked and not yet answered. */
  readonly expect: boolean
  /** The protocol of an `Upgrade` to pass on, such as `websocket`. */
  readonly upgrade: string | undefined
  readonly version: HttpVersion
}

/** The client's request body. Nothing is read before `start`, which also answers an expectation. */
export type ClientBody = {
  readonly start: (sink: { onData: (chunk: Buffer) => void; onEnd: (trailers: Fields) => void }) => void
  readonly pause: () => void
  readonly resume: () => void
}

/** Most requests have no body. */
export type MaybeBody = ClientBody | undefined

/** The two raw directions after a 101. */
export type RawClient = {
  /** @returns false when the upstream should be paused until `onDrain`. */
  readonly write: (chunk: Buffer) => boolean
  readonly end: () => void
  readonly reset: () => void
  readonly pause: () => void
  readonly resume: () => void
}

export type RawSink = {
  readonly onData: (chunk: Buffer) => void
  readonly onEnd: () => void
  readonly onDrain: () => void
}

/** Where the one answer goes. */
export type ClientAnswer = {
  /** Sends a 1xx head. */
  readonly inform: (status: number, reason: string, fields: Fields) => void
  /**
   * Sends the final head: from here on the outcome is final (L8).
   * @param length of the body, when known; 0 for an answer without one
   */
  readonly begin: (status: number, reason: string, fields: string[], length: number | undefined) => void
  /** No body bytes came with the head: it goes out alone. */
  readonly flush: () => void
  /** @returns false when the upstream should be paused until the exchange's `onDrain`. */
  readonly write: (chunk: Buffer) => boolean
  readonly end: (trailers: Fields) => void
  /** Breaks the transfer visibly: no clean end of a truncated body. */
  readonly abort: () => void
  /** Sends the 101 and gives up HTTP on this connection. */
  readonly upgrade: (status: number, reason: string, fields: string[], sink: RawSink) => RawClient
}
