import type { Fields } from './fields.js'
import { fieldRole } from './hop-by-hop.js'

/** Fields in the form that `node:http2` sends: by name, in lower case, several values as a list. */
type Http2Fields = Record<string, string | number | string[]>

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
  const result = Object.create(null) as Http2Fields
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    const value = fields[i + 1] as string
    if (isOfConnection(name)) continue
    const before = result[name]
    if (before === undefined) result[name] = value
    else if (Array.isArray(before)) before.push(value)
    else if (!ONE_LINE_ONLY.has(name)) result[name] = [String(before), value]
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
  head[':status'] = status
  return head
}
