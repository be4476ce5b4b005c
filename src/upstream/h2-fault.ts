import type { AttemptFault } from './to-fault.js'

/** Error codes of RST_STREAM and GOAWAY (RFC 9113 §7). */
export const H2_CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const

/** What is known of a stream that closed before its answer was complete: the evidence for rule R1. */
export type StreamDeath = {
  /** The code it closed with: of an RST_STREAM of either side, or what the whole connection died of. */
  readonly code: number
  /** What Node says of it. */
  readonly error: string
  /** Its connection is gone. */
  readonly lost: boolean
  /** The peer said in GOAWAY that it will not look at this stream. */
  readonly disowned: boolean
  readonly headSeen: boolean
  /** Fewer body bytes came than `content-length` said. */
  readonly short: boolean
  /** Its connection has carried requests before. */
  readonly reused: boolean
  /** No byte was read on its connection since the request was handed over. */
  readonly silent: boolean
}

/** Node found the peer not to speak HTTP/2. */
export const NOT_H2 = 'ERR_HTTP2_ERROR'
/** A GOAWAY with an error code, which becomes the code of every stream. */
const GOAWAY = 'ERR_HTTP2_SESSION_ERROR'

/** What an answer is refused for; a peer that says it of a request is answered alike. */
const MALFORMED: ReadonlySet<string> = new Set([
  'PROTOCOL_ERROR',
  'FLOW_CONTROL_ERROR',
  'FRAME_SIZE_ERROR',
  'COMPRESSION_ERROR',
])
const UNPROCESSED: ReadonlySet<string> = new Set(['REFUSED_STREAM', 'HTTP_1_1_REQUIRED'])

/** Why an attempt over HTTP/2 ended without an answer, and how far it had come (R1; RFC 9113 §6.8, §8.7). */
export function streamFault(death: StreamDeath): AttemptFault {
  const name = H2_CODES[death.code] ?? `code ${death.code}`
  const ofStream = !death.lost || death.error === NOT_H2
  const wrong = death.error === NOT_H2 || (ofStream && MALFORMED.has(name))
  const details = describe(death, name)
  if (death.headSeen) {
    const fault = death.short ? 'http_response_incomplete' : wrong ? 'http_protocol_error' : 'connection_terminated'
    return { fault, phase: 'answered', details }
  }
  if (death.disowned || (ofStream && UNPROCESSED.has(name))) {
    return { fault: 'connection_terminated', phase: 'stream_refused', details }
  }
  if (wrong) return { fault: 'http_protocol_error', phase: 'junk', details }
  const stale = death.reused && death.silent
  return { fault: 'connection_terminated', phase: stale ? 'stale' : 'reset', details }
}

function describe({ error, lost }: StreamDeath, name: string): string {
  if (error === NOT_H2) return 'malformed HTTP/2 (RFC 9113 §5.4.1)'
  if (error === GOAWAY) return `h2 connection closed: ${name}`
  return lost ? 'h2 connection closed' : `h2 stream closed: ${name}`
}

/** The stream was never opened. */
export const neverOpened = (details: string): AttemptFault => ({
  fault: 'connection_terminated',
  phase: 'stream_refused',
  details,
})
