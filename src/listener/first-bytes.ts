import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'

/** What a client begins to speak inside its tunnel; `other`: nothing that we know, or nothing at all. */
export type Speech = 'tls' | 'http' | 'other'

/** A TLS record of type handshake (RFC 8446 §5.1). */
const HANDSHAKE = 0x16
/** The start of a request in origin-form: no other protocol where the client speaks first looks like it. */
const REQUEST_LINE = /^(?:[A-Z][A-Z-]{1,19} \/|OPTIONS \* )/
const MAYBE_REQUEST_LINE = /^[A-Z][A-Z-]{0,19} ?$/
const NOTHING = Buffer.alloc(0)
/** A client that says less than a request line for this long is waiting for an answer to it. */
const WHOLE_LINE = millis(1_000)

/**
 * Listens to the client's first bytes and leaves them on the socket, paused (FP-05). Calls `heard` once, also when the
 * client ends or stays silent for `silence`. A socket that ended takes nothing back: then `last` is all it said.
 * @returns ends the listening, which is then `other`
 */
export function hearFirstBytes(
  client: Socket,
  clock: Clock,
  silence: Millis | undefined,
  heard: (speech: Speech, last: Buffer) => void,
): () => void {
  const seen: Buffer[] = []
  let over = false
  const settle = () => {
    if (over) return
    over = true
    cancel?.()
    client.removeListener('data', onData).removeListener('end', settle).removeListener('close', settle)
    // What comes meanwhile waits in the stream: to stop the reading costs more than that.
    Readable.prototype.pause.call(client)
    const first = whole(seen)
    const ended = client.readableEnded || client.destroyed
    if (first.length > 0 && !ended) client.unshift(first)
    heard(speechOf(first), ended ? first : NOTHING)
  }
  const onData = (chunk: Buffer) => {
    seen.push(chunk)
    if (seen[0]?.[0] === HANDSHAKE || !MAYBE_REQUEST_LINE.test(whole(seen).toString('latin1', 0, 32))) return settle()
    if (seen.length > 1) return
    cancel?.()
    cancel = clock.schedule(WHOLE_LINE, settle)
  }
  let cancel: Cancel | undefined = silence === undefined ? undefined : clock.schedule(silence, settle)
  client.on('data', onData).on('end', settle).on('close', settle).resume()
  return settle
}

const whole = (chunks: readonly Buffer[]): Buffer => (chunks.length === 1 && chunks[0]) || Buffer.concat(chunks)

function speechOf(first: Buffer): Speech {
  if (first[0] === HANDSHAKE) return 'tls'
  return REQUEST_LINE.test(first.toString('latin1', 0, 32)) ? 'http' : 'other'
}
