import type { Fields } from '../http/fields.js'
import { type FieldRole, fieldRole, namedByConnection } from '../http/hop-by-hop.js'
import type { Framing } from './events.js'

/**
 * The head of a request as it goes to the upstream, one latin1 string. The client's fields keep their order, case and
 * repeats; hop-by-hop ones are gone (RFC 9110 §7.6.1, F1), and so is `Expect`, which the caller puts into `extra` when
 * it wants it. `Host` and the framing field stand where the client had them, with our values (F2, F3).
 * @param path what follows the method: the origin-form, or `*`.
 * @param extra flat fields that come last: `Via`, credentials, keys.
 * @param upgrade the protocol to ask for; without it `Upgrade` is dropped (RFC 9110 §7.8).
 */
export function requestHead(
  method: string,
  path: string,
  host: string,
  fields: Fields,
  framing: Framing,
  extra: readonly string[],
  upgrade?: string,
): string {
  const named = namedByConnection(fields)
  const hostLine = `Host: ${host}\r\n`
  const framingLine = framingField(framing)
  let hasHost = false
  let framed = framingLine === ''
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    const role = fieldRole(name)
    if (role === undefined) {
      if (named.size === 0 || !named.has(name.toLowerCase())) lines = withLine(lines, name, value)
    } else if (role === 'host') {
      if (!hasHost) lines += hostLine
      hasHost = true
    } else if (role === 'content-length' || role === 'transfer-encoding') {
      if (!framed) lines += framingLine
      framed = true
    } else lines += keptForThisHop(role, name, value, framing, upgrade)
  }
  if (!framed) lines += framingLine
  if (upgrade !== undefined) lines += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
  return `${method} ${path} HTTP/1.1\r\n${hasHost ? '' : hostLine}${lines}${fieldLines(extra)}\r\n`
}

function framingField(framing: Framing): string {
  if (framing.kind === 'length') return `Content-Length: ${framing.length}\r\n`
  return framing.kind === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : ''
}

/** The few fields of the client's hop that hold for ours too, because we do what they say. */
function keptForThisHop(role: FieldRole, name: string, value: string, framing: Framing, upgrade?: string): string {
  // We pass trailers on in both directions, so what was announced still comes (RFC 9110 §6.6.2).
  if (role === 'trailer' && framing.kind === 'chunked') return `${name}: ${value}\r\n`
  // RFC 9110 §10.1.4: whoever sends TE also names it in Connection. A handshake has no use for trailers.
  if (role === 'te' && upgrade === undefined && wantsTrailers(value)) return 'TE: trailers\r\nConnection: TE\r\n'
  return ''
}

/** `TE` names `trailers` (RFC 9110 §10.1.4). */
export const wantsTrailers = (te: string): boolean => /(?:^|,)[ \t]*trailers[ \t]*(?:$|[,;])/i.test(te)

/** Field lines without the empty line behind them. */
export function fieldLines(fields: Fields): string {
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) lines = withLine(lines, fields[i] as string, fields[i + 1] as string)
  return lines
}

/** Joined from the left: a template of its own for each line makes twice the strings. */
function withLine(lines: string, name: string, value: string): string {
  return `${lines}${name}: ${value}\r\n`
}

/** What goes before `length` bytes of a chunk; CRLF goes behind them (RFC 9112 §7.1). @param length at least 1: 0 ends the body. */
export const chunkHead = (length: number): string => `${length.toString(16)}\r\n`

/** The end of a chunked body (RFC 9112 §7.1.2). */
export const lastChunk = (trailers: Fields): string => `0\r\n${fieldLines(trailers)}\r\n`
