import type { Fields } from './fields.js'
import { fieldRole } from './hop-by-hop.js'

/**
 * Fields in the form that `node:http2` sends: names in lower case, in the order in which they first came. The lines of
 * one name keep their order, but stand together: the API has no other form for repeats.
 */
export type Http2Fields = Record<string, string | string[]>

/** Without a prototype: no field name means anything but itself. */
export const noHttp2Fields = (): Http2Fields => Object.create(null) as Http2Fields

/** Adds a line. @param name in lower case */
export function addHttp2Line(fields: Http2Fields, name: string, value: string): void {
  const there = fields[name]
  if (there === undefined) fields[name] = value
  else if (typeof there === 'string') fields[name] = [there, value]
  else there.push(value)
}

/** `node:http2` throws when it is given one of these twice. */
const ONE_LINE_ONLY: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
])

/**
 * Fields for HTTP/2, the connection-specific ones dropped (RFC 9113 §8.2.2). Lost on the way: the case of names, the
 * place of a repeat (repeats stand together), that of names that are whole numbers (they go first), and the second
 * line of a field that may have only one.
 */
export function http2Fields(fields: Fields): Http2Fields {
  const result = noHttp2Fields()
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    if (isOfConnection(name) || (name in result && ONE_LINE_ONLY.has(name))) continue
    addHttp2Line(result, name, fields[i + 1] as string)
  }
  return result
}

function isOfConnection(name: string): boolean {
  const role = fieldRole(name)
  if (role === undefined) return false
  if (role === 'hop') return name === 'keep-alive' || name === 'proxy-connection' || name === 'http2-settings'
  return role === 'connection' || role === 'transfer-encoding' || role === 'upgrade' || role === 'te'
}

/** They have no content, and may not say otherwise (RFC 9110 §8.6, §15.3.6). */
const hasNoContent = (status: number): boolean => status < 200 || status === 204 || status === 205

/** The head of an answer. */
export function http2Head(status: number, fields: Fields): Http2Fields {
  const head = http2Fields(fields)
  if (hasNoContent(status)) delete head['content-length']
  head[':status'] = String(status)
  return head
}
