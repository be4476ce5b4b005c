import { STATUS_CODES } from 'node:http'
import type { Fields } from '../http/fields.js'
import { fieldRole, namedByConnection } from '../http/hop-by-hop.js'
import { addHttp2Line, type Http2Fields, noHttp2Fields } from '../http/http2-fields.js'
import type { Framing, ResponseHead, WireFault } from '../wire/events.js'
import { responseFraming } from '../wire/framing.js'
import { wantsTrailers } from '../wire/serialize.js'
import type { OutgoingHead } from './line.js'

/** Bytes of a field line besides its name and value, as HTTP/1.1 would write it: `: ` and CRLF. */
const LINE = 4

/** The field section of a request, pseudo-fields first (RFC 9113 §8.3.1), without what ends at this hop (§8.2.2). */
export function requestFields(head: OutgoingHead, scheme: 'http' | 'https'): Http2Fields {
  const { method, path, authority, fields, framing, extra } = head
  const named = namedByConnection(fields)
  const out = noHttp2Fields()
  out[':method'] = method
  out[':scheme'] = scheme
  out[':authority'] = authority
  out[':path'] = path
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    const role = fieldRole(name)
    if (role !== undefined) keepForStream(out, name, fields[i + 1] as string, framing)
    else if (named.size === 0 || !named.has(name)) addHttp2Line(out, name, fields[i + 1] as string)
  }
  if (framing.kind === 'length') out['content-length'] = String(framing.length)
  for (let i = 0; i < extra.length; i += 2)
    addHttp2Line(out, (extra[i] as string).toLowerCase(), extra[i + 1] as string)
  return out
}

/** The few fields of the client's hop that hold for ours too, because we do what they say. */
function keepForStream(out: Http2Fields, name: string, value: string, framing: Framing): void {
  // Its place; the value is ours.
  if (name === 'content-length' && framing.kind === 'length') out[name] = ''
  else if (name === 'trailer' && framing.kind === 'chunked') addHttp2Line(out, name, value)
  // RFC 9113 §8.2.2: the only member that may be named.
  else if (name === 'te' && wantsTrailers(value)) out[name] = 'trailers'
}

/** The trailers of a request. */
export function trailerFields(trailers: Fields): Http2Fields {
  const out = noHttp2Fields()
  for (let i = 0; i < trailers.length; i += 2)
    addHttp2Line(out, (trailers[i] as string).toLowerCase(), trailers[i + 1] as string)
  return out
}

/**
 * The same with one line for each name. `node:http2` refuses two lines of a field that is no list; whoever receives
 * them may read them as one (RFC 9110 §5.3).
 */
export function joined(fields: Http2Fields): Http2Fields {
  const out = noHttp2Fields()
  for (const name of Object.keys(fields)) {
    const value = fields[name] as string | string[]
    out[name] = typeof value === 'string' ? value : value.join(name === 'cookie' ? '; ' : ', ')
  }
  return out
}

/** Bytes of a field section as HTTP/1.1 would write it. */
export function sizeOf(fields: Http2Fields): number {
  let size = 0
  for (const name of Object.keys(fields)) {
    const value = fields[name] as string | string[]
    if (typeof value === 'string') size += name.length + value.length + LINE
    else for (const line of value) size += name.length + line.length + LINE
  }
  return size
}

/**
 * The head of an answer. nghttp2 has refused what RFC 9113 §8.1.1 calls malformed: names in upper case, fields of a
 * connection, doubled or missing pseudo-fields; what is wrong with an answer in any version is found here.
 * @param raw as they came, pseudo-fields included
 * @param ended END_STREAM came with them
 */
export function answerHead(method: string, raw: Fields, ended: boolean, maxBytes: number): ResponseHead | WireFault {
  const fields: string[] = []
  let status = 0
  let size = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    size += name.length + value.length + LINE
    if (name.charCodeAt(0) !== 0x3a) fields.push(name, value)
    else if (name === ':status') status = Number(value)
  }
  if (size > maxBytes) return tooLarge(maxBytes)
  // What a 6xx to 9xx means nobody has said (RFC 9110 §15).
  if (!(status >= 100 && status <= 599)) {
    return { name: 'http_protocol_error', details: 'malformed status', section: 'RFC 9113 §8.3.2' }
  }
  const framed = responseFraming(method, status, 1, fields)
  if ('section' in framed) return framed
  const framing = framed.framing.kind === 'close' ? unannounced(ended) : framed.framing
  return { status, reason: STATUS_CODES[status] ?? '', version: '2.0', fields, framing, keepAlive: true }
}

export const tooLarge = (maxBytes: number): WireFault => ({
  name: 'http_response_header_section_size',
  details: `over ${maxBytes} bytes`,
  section: 'RFC 9110 §5.4',
})

/** No `content-length`: the stream's end is the body's. */
const unannounced = (ended: boolean): Framing => (ended ? { kind: 'length', length: 0 } : { kind: 'chunked' })
