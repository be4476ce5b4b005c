import { type Fields, isNamed } from '../http/fields.js'
import { fieldRole } from '../http/hop-by-hop.js'
import type { Framing, WireFault } from './events.js'

/** At most 15 digits: above any body, below the integers that a double cannot hold. */
const LENGTH = /^\d{1,15}$/

export type ResponseFraming = { readonly framing: Framing; readonly keepAlive: boolean }

const refused = (details: string, section: string): WireFault => ({ name: 'http_protocol_error', details, section })

/**
 * How the body of an answer ends and whether the connection outlives it (RFC 9112 §6.3, §9.3). One answer, one
 * reading: what two recipients could frame differently is refused, also where RFC 9112 would let us repair it.
 * `Content-Length` on 204 and 1xx is forbidden (RFC 9110 §8.6) but frames nothing, so it is tolerated: should bytes
 * follow, they are unsolicited and the connection dies of them.
 */
export function responseFraming(
  method: string,
  status: number,
  minor: 0 | 1,
  fields: Fields,
): ResponseFraming | WireFault {
  let length: string | undefined
  let coding: string | undefined
  let closes = false
  let persists = false
  for (let i = 0; i < fields.length; i += 2) {
    const role = fieldRole(fields[i] as string)
    if (role === undefined) continue
    const value = fields[i + 1] as string
    if (role === 'content-length') {
      if (length !== undefined) return refused('repeated Content-Length', 'RFC 9112 §6.3')
      length = value
    } else if (role === 'transfer-encoding') {
      if (coding !== undefined) return refused('repeated Transfer-Encoding', 'RFC 9112 §6.1')
      coding = value
    } else if (role === 'connection') {
      closes ||= names(value, 'close')
      persists ||= names(value, 'keep-alive')
    }
  }
  // Such an answer has no body; what it says of one must be ignored (RFC 9110 §9.3.6).
  if (method === 'CONNECT' && status >= 200 && status < 300) return { framing: { kind: 'none' }, keepAlive: false }
  const framing = bodyFraming(method, status, minor, length, coding)
  if ('section' in framing) return framing
  return { framing, keepAlive: !closes && (minor === 1 || persists) && framing.kind !== 'close' }
}

function bodyFraming(
  method: string,
  status: number,
  minor: 0 | 1,
  length: string | undefined,
  coding: string | undefined,
): Framing | WireFault {
  if (length !== undefined && !LENGTH.test(length)) return refused('malformed Content-Length', 'RFC 9110 §8.6')
  if (coding !== undefined) {
    if (length !== undefined) return refused('both Content-Length and Transfer-Encoding', 'RFC 9112 §6.3')
    if (minor === 0) return refused('Transfer-Encoding in HTTP/1.0', 'RFC 9112 §6.1')
    if (status < 200 || status === 204) return refused(`Transfer-Encoding in a ${status}`, 'RFC 9112 §6.1')
    if (coding.toLowerCase() !== 'chunked') return refused('transfer coding other than chunked', 'RFC 9112 §6.1')
  }
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' }
  if (coding !== undefined) return { kind: 'chunked' }
  return length === undefined ? { kind: 'close' } : { kind: 'length', length: Number(length) }
}

/** A member of a comma-separated list of tokens. @param token in lower case. */
function names(list: string, token: string): boolean {
  if (list === token) return true
  if (!list.includes(',')) return isNamed(list.trim(), token)
  return list.split(',').some(member => member.trim().toLowerCase() === token)
}
