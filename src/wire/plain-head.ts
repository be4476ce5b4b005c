import type { Fields } from '../http/fields.js'
import { fieldRole } from '../http/hop-by-hop.js'
import { parseFieldLines } from './field-lines.js'

/** A request head of the plain form. */
export type PlainHead = {
  readonly method: string
  /** The request-target, absolute-form or origin-form. */
  readonly target: string
  readonly fields: Fields
  /** Of the body, in bytes; `undefined` when there is none. */
  readonly length: number | undefined
  /** The client wants the connection to stay open. */
  readonly keepAlive: boolean
  /** Where the head ends in the bytes that were read. */
  readonly end: number
}

/** `method SP target SP HTTP/1.1 CRLF`, with a target that no two parsers read differently (RFC 9112 §3). */
const REQUEST_LINE =
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]+ (?:http:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?=[/? ])|(?=\/))[\x21\x22\x24-\x7e]* HTTP\/1\.1\r\n/y
const VERSION = ' HTTP/1.1\r\n'
const LENGTH = /^\d{1,15}$/
const EMPTY_LINE = '\r\n\r\n'
/** Of what is looked at as text. */
const SHORT = 4_096

/**
 * The head at the beginning of `bytes`, when all of it is there and it is of the strict plain form: clean lines, at most
 * one `Content-Length`, no other framing, no expectation, no upgrade. Whatever this takes, `node:http` takes too and
 * frames alike, but for methods that it does not know; whatever it leaves is for `node:http` to judge.
 * @param max bytes of the head
 */
export function parsePlainHead(bytes: Buffer, max: number): PlainHead | undefined {
  const text = cleanHead(bytes, max)
  if (text === undefined) return undefined
  REQUEST_LINE.lastIndex = 0
  if (!REQUEST_LINE.test(text)) return undefined
  const lineEnd = REQUEST_LINE.lastIndex
  const fields = parseFieldLines(text, lineEnd)
  if ('section' in fields) return undefined
  const framed = plainFraming(fields)
  if (framed === undefined) return undefined
  const space = text.indexOf(' ')
  const method = text.slice(0, space)
  // A tunnel is another matter, and TRACE with a body none at all.
  if (method === 'CONNECT' || (method === 'TRACE' && framed.length !== undefined)) return undefined
  return { method, target: text.slice(space + 1, lineEnd - VERSION.length), fields, ...framed, end: text.length }
}

/** A head that is all there, in `max` bytes, and without tabs: in some places `node:http` does not take those for whitespace. */
export function cleanHead(bytes: Buffer, max: number): string | undefined {
  const text = headIn(bytes)
  return text === undefined || text.length > max || text.includes('\t') ? undefined : text
}

/** Most bytes are all head, and text is searched faster than bytes. */
function headIn(bytes: Buffer): string | undefined {
  if (bytes.length <= SHORT) {
    const text = bytes.toString('latin1')
    if (text.indexOf(EMPTY_LINE) + EMPTY_LINE.length === text.length && text.endsWith(EMPTY_LINE)) return text
  }
  const empty = bytes.indexOf(EMPTY_LINE, 0, 'latin1')
  return empty === -1 ? undefined : bytes.toString('latin1', 0, empty + EMPTY_LINE.length)
}

function plainFraming(fields: Fields): Pick<PlainHead, 'length' | 'keepAlive'> | undefined {
  let length: string | undefined
  let keepAlive = true
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const role = fieldRole(name)
    if (role === undefined || role === 'host' || role === 'te' || role === 'trailer') continue
    const value = fields[i + 1] as string
    if (role === 'content-length') {
      if (length !== undefined || !LENGTH.test(value)) return undefined
      length = value
    } else if (role === 'connection' || isProxyConnection(role, name)) {
      if (/^close$/i.test(value)) keepAlive = false
      else if (!/^keep-alive$/i.test(value)) return undefined
    } else if (role !== 'hop') return undefined
  }
  return { length: length === undefined ? undefined : Number(length), keepAlive }
}

/** What never was a standard, and `node:http` obeys all the same. */
const isProxyConnection = (role: string, name: string): boolean => role === 'hop' && /^proxy-connection$/i.test(name)
