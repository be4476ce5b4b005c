import type { Fields } from '../http/fields.js'
import type { Framing, ResponseHead } from '../wire/events.js'
import type { AttemptFault } from './to-fault.js'

/** The head of a request as it is to go out: the client's own fields, and what the route adds behind them. */
export type OutgoingHead = {
  readonly method: string
  /** Path and query, or `*`. */
  readonly path: string
  /** As it goes into `Host`. */
  readonly authority: string
  /** The client's fields; what ends at this hop is left out when they are written (RFC 9110 §7.6.1). */
  readonly fields: Fields
  readonly framing: Framing
  /** Fields that come last: `Via`, `Expect`, credentials, keys. */
  readonly extra: Fields
  /** The protocol to ask for, such as `websocket`. */
  readonly upgrade: string | undefined
}

/** What a request asks of the line that is to carry it. */
export type LineNeed = {
  /** Only a new connection will do. */
  readonly fresh: boolean
  /** Only a new or very recently used connection will do (R3). */
  readonly trusted: boolean
  /** HTTP/1.1 only: HTTP/2 has no `Upgrade` (RFC 9113 §8.6). */
  readonly upgrade: string | undefined
}

/** Who is using a line for one attempt, and hears of everything that happens on it. */
export type LineUser = {
  readonly onInterim: (head: ResponseHead) => void
  readonly onHead: (head: ResponseHead) => void
  readonly onData: (chunk: Buffer) => void
  /** The answer is complete, or the raw stream after an upgrade was half-closed. */
  readonly onEnd: (trailers: Fields) => void
  readonly onUpgrade: (head: ResponseHead, rest: Buffer) => void
  /** Everything of one read was told, and the answer goes on. */
  readonly onReadEnd: () => void
  /** Bytes that were waiting are with the kernel: more can be written. */
  readonly onDrain: () => void
  readonly onFault: (fault: AttemptFault) => void
}

/** What carries one attempt to the upstream: an HTTP/1.1 connection, or one stream of an HTTP/2 connection. */
export type Line = {
  /** Its connection has carried requests before. */
  readonly reused: boolean
  /** Bytes of the request handed over. They prove nothing about delivery; for the log only. */
  readonly bytesHanded: number
  /** Starts the attempt: hands over the head. @param bodyFollows at once, so that both may leave together */
  readonly begin: (user: LineUser, head: OutgoingHead, bodyFollows: boolean) => void
  /** Body bytes, framed as the head says; raw after an upgrade. @returns false when the caller should wait for `onDrain` */
  readonly write: (chunk: Buffer) => boolean
  /** The whole request has been handed over; after an upgrade, no more bytes from the client. */
  readonly end: (trailers: Fields) => void
  readonly pause: () => void
  readonly resume: () => void
  /** Lets go without a word to the user. */
  readonly destroy: () => void
  /** As `destroy`, with a reset where the line is a socket of its own, so that a reset on one side is a reset on the other (FP-18). */
  readonly reset: () => void
}
