import { type Fields, fieldTokens, isNamed } from './fields.js'

/** What a field does to the hop it travels on; `hop` is any other field that ends at the next recipient. */
export type FieldRole =
  | 'host'
  | 'content-length'
  | 'transfer-encoding'
  | 'connection'
  | 'te'
  | 'trailer'
  | 'expect'
  | 'upgrade'
  | 'hop'

/** RFC 9110 §7.6.1 and what came before it, plus the fields that frame or route a message. */
const ROLES: readonly (readonly [string, FieldRole])[] = [
  ['host', 'host'],
  ['content-length', 'content-length'],
  ['transfer-encoding', 'transfer-encoding'],
  ['connection', 'connection'],
  ['te', 'te'],
  ['trailer', 'trailer'],
  ['expect', 'expect'],
  ['upgrade', 'upgrade'],
  ['keep-alive', 'hop'],
  ['proxy-connection', 'hop'],
  ['proxy-authenticate', 'hop'],
  ['proxy-authorization', 'hop'],
  ['proxy-authentication-info', 'hop'],
  ['http2-settings', 'hop'],
]

type Candidate = { readonly name: string; readonly role: FieldRole }

const LONGEST = 25
const BY_LENGTH: readonly (readonly Candidate[])[] = Array.from({ length: LONGEST + 1 }, (_, length) =>
  ROLES.filter(([name]) => name.length === length).map(([name, role]) => ({ name, role })),
)

/** The role of a field name in any case; `undefined` for an ordinary, end-to-end field. */
export function fieldRole(name: string): FieldRole | undefined {
  const candidates = BY_LENGTH[name.length]
  if (candidates === undefined) return undefined
  for (const candidate of candidates) if (isNamed(name, candidate.name)) return candidate.role
  return undefined
}

/**
 * Fields that a `Connection` token cannot remove: they are meant for the far end (RFC 9110 §7.6.1), and dropping
 * one on a peer's word would change what a request may do, where it goes or whether it may be repeated.
 */
const PROTECTED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
  'cache-control',
  'authorization',
  'www-authenticate',
  'cookie',
  'set-cookie',
  'idempotency-key',
  'retry-after',
  'payment-required',
  'payment-signature',
  'payment-response',
  'x-payment',
  'x-payment-response',
  'via',
])

const HAVE_NOTHING_TO_NAME: ReadonlySet<string> = new Set(['keep-alive', 'close', 'te', 'upgrade', 'transfer-encoding'])

const NOTHING: ReadonlySet<string> = new Set()

/** Further fields that `Connection` declares hop-by-hop, in lower case; almost always none (RFC 9110 §7.6.1). */
export function namedByConnection(fields: Fields): ReadonlySet<string> {
  if (!hasUnusualConnection(fields)) return NOTHING
  const named = fieldTokens(fields, 'connection').filter(
    token => !PROTECTED.has(token) && !HAVE_NOTHING_TO_NAME.has(token),
  )
  return named.length === 0 ? NOTHING : new Set(named)
}

function hasUnusualConnection(fields: Fields): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (name.length !== 10 || fieldRole(name) !== 'connection') continue
    const value = fields[i + 1]
    if (value !== 'keep-alive' && value !== 'close') return true
  }
  return false
}

/**
 * An upstream's fields as the client gets them: hop-by-hop ones removed, order, case and repeats kept, own `Via` last.
 * `Content-Length` stays, `Transfer-Encoding` goes: who writes the body frames it. `Trailer` stays only with a
 * chunked answer, whose trailers are passed on (RFC 9110 §6.6.2). @param via the value of our own `Via` line.
 * @param chunked it goes out so although its sender had no need to say it: HTTP/2 always has room for trailers.
 */
export function answerFields(fields: Fields, via: string, chunked = false): string[] {
  const named = namedByConnection(fields)
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const role = fieldRole(name)
    if (role !== undefined && !staysInAnswer(role, fields, chunked)) continue
    if (named.size !== 0 && named.has(name.toLowerCase())) continue
    kept.push(name, fields[i + 1] as string)
  }
  kept.push('Via', via)
  return kept
}

function staysInAnswer(role: FieldRole, fields: Fields, chunked: boolean): boolean {
  // `Host` and `Expect` mean nothing in an answer, so they are nobody's business here.
  if (role === 'content-length' || role === 'host' || role === 'expect') return true
  return role === 'trailer' && (chunked || fieldTokens(fields, 'transfer-encoding').includes('chunked'))
}
