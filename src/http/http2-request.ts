import { parseAuthority } from './authority.js'
import type { Fields } from './fields.js'
import { fieldRole } from './hop-by-hop.js'

/** A request head of HTTP/2 in the terms of HTTP/1.1, for everything behind the lane. */
type TranslatedHead = {
  readonly method: string
  /** The request-target in origin-form, or `*`. */
  readonly url: string
  /** `host` first, one `cookie` line; `transfer-encoding: chunked` stands for a body of unknown length. */
  readonly fields: string[]
  /** Bytes of the header section as HTTP/1.1 would write it. */
  readonly size: number
  /** Why it is malformed. */
  readonly refuse: string | undefined
}

const HTTPS = 443
const COLON = 0x3a
/** `: ` and CRLF. */
const LINE = 4

/**
 * What is left to ask of a head that nghttp2 has accepted: it has refused fields in upper case, unknown, repeated or
 * late pseudo-header fields, control characters and lengths that the body does not have (RFC 9113 §8.1.1, §8.2, §8.3).
 * @param raw names and values as they came @param ended END_STREAM came with them: no body follows
 */
export function translateHead(raw: Fields, ended: boolean): TranslatedHead {
  const pseudo = new Map<string, string>()
  const fields: string[] = ['host', '']
  let host: string | undefined
  let cookie = 0
  let length: string | undefined
  let refuse: string | undefined
  let size = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    size += name.length + value.length + LINE
    if (name.charCodeAt(0) === COLON) {
      pseudo.set(name, value)
      continue
    }
    const role = fieldRole(name)
    if (role === 'host') {
      host = value
    } else if (name === 'cookie' && cookie > 0) {
      // Crumbs make one line again (RFC 9113 §8.2.3).
      fields[cookie] += `; ${value}`
    } else {
      refuse ??= ofThisHop(name, value)
      if (role === 'content-length') length = value
      fields.push(name, value)
      if (name === 'cookie') cookie = fields.length - 1
    }
  }
  if (!ended && length === undefined) fields.push('transfer-encoding', 'chunked')
  if (ended && length !== undefined && /[^0]/.test(length)) refuse ??= 'Content-Length without a body (RFC 9113 §8.1.1)'
  fields[1] = pseudo.get(':authority') ?? host ?? ''
  refuse ??= refusePseudo(pseudo, host)
  return { method: pseudo.get(':method') ?? '', url: pseudo.get(':path') ?? '', fields, size, refuse }
}

/** RFC 9113 §8.2.2: no field of HTTP/1.1's own framing may come from the client, least of all the one that we add. */
function ofThisHop(name: string, value: string): string | undefined {
  switch (fieldRole(name)) {
    case 'connection':
    case 'transfer-encoding':
    case 'upgrade':
      return `${name} in HTTP/2 (RFC 9113 §8.2.2)`
    case 'te':
      return value.toLowerCase() === 'trailers' ? undefined : 'TE other than trailers (RFC 9113 §8.2.2)'
    default:
      return name === 'keep-alive' || name === 'proxy-connection' ? `${name} in HTTP/2 (RFC 9113 §8.2.2)` : undefined
  }
}

function refusePseudo(pseudo: ReadonlyMap<string, string>, host: string | undefined): string | undefined {
  if (pseudo.get(':method') === 'CONNECT') return 'a tunnel inside a tunnel'
  if (pseudo.get(':scheme') !== 'https') return ':scheme other than https'
  const path = pseudo.get(':path') ?? ''
  if (!path.startsWith('/') && path !== '*') return ':path is not in origin-form (RFC 9113 §8.3.1)'
  const authority = pseudo.get(':authority')
  if (authority === undefined || host === undefined || sameAuthority(authority, host)) return undefined
  return ':authority and Host disagree (RFC 9113 §8.3.1)'
}

function sameAuthority(a: string, b: string): boolean {
  if (a === b) return true
  const [one, two] = [parseAuthority(a, HTTPS), parseAuthority(b, HTTPS)]
  return one !== undefined && one.host === two?.host && one.port === two.port
}
