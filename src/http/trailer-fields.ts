import type { Fields } from './fields.js'
import { fieldRole, namedByConnection } from './hop-by-hop.js'

/**
 * Fields that must be known before the content: RFC 9110 §6.5.1 keeps out of trailers what frames, routes or authorizes
 * a message, modifies a request, controls an answer or says how to read the content. Those with a role on one hop are
 * not repeated here. Whoever merges trailers into the head would be told by them what we have decided from the head.
 */
const HEAD_ONLY: ReadonlySet<string> = new Set([
  ...['via', 'forwarded', 'max-forwards'],
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate', 'x-api-key', 'api-key', 'x-goog-api-key'],
  ...['idempotency-key', 'payment-required', 'payment-signature', 'x-payment'],
  ...['cache-control', 'pragma', 'range', 'if-range', 'if-match', 'if-none-match'],
  ...['if-modified-since', 'if-unmodified-since'],
  ...['age', 'expires', 'vary', 'location', 'retry-after'],
  ...['content-type', 'content-encoding', 'content-range'],
])

const isHeadOnly = (name: string): boolean => fieldRole(name) !== undefined || HEAD_ONLY.has(name.toLowerCase())

/** The name of the first trailer of a request that belongs in its head: the request is malformed. */
export const misplacedTrailer = (trailers: Fields): string | undefined =>
  trailers.find((name, i) => i % 2 === 0 && isHeadOnly(name))

/** Said to a client whose trailer it was. */
export const misplacedDetail = (name: string): string => `${name} in a trailer (RFC 9110 §6.5.1)`

/**
 * The trailers that go on: neither those that belong in a head, which an answer is not refused for, nor those that its
 * `Connection` names (RFC 9110 §7.6.1). @param head the fields of the same message
 */
export function endToEndTrailers(trailers: Fields, head: Fields): Fields {
  if (trailers.length === 0) return trailers
  const named = namedByConnection(head)
  const kept: string[] = []
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] as string
    if (!isHeadOnly(name) && !named.has(name.toLowerCase())) kept.push(name, trailers[i + 1] as string)
  }
  return kept
}
