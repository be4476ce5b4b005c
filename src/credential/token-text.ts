import { parseObject } from '../json/read.js'
import { type Fetched, SourceError } from './source.js'

/** The longest token, and the longest document that holds one, in bytes: no header section takes more. */
export const MOST_BYTES = 65_536

/** @throws SourceError when the bytes are no UTF-8; a byte order mark is taken off */
export function decodeText(bytes: Uint8Array, origin: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new SourceError(`${origin} gave bytes that are no UTF-8 text`, false)
  }
}

/**
 * A token ready to be cached: trimmed, one line, not yet over.
 * @param statedExpiry Unix milliseconds, as the source said; the `exp` of a JWT counts as well, and the earlier one wins
 * @param now Unix milliseconds
 * @throws SourceError for text that is no token, or a token that has ended
 */
export function asFetched(text: string, statedExpiry: number | undefined, now: number, origin: string): Fetched {
  const token = text.trim()
  if (token === '') throw new SourceError(`${origin} gave an empty token`, false)
  if (/[\r\n]/.test(token)) throw new SourceError(`${origin} gave more than one line, which is no token`, false)
  if (/[\x00-\x1f\x7f]/.test(token))
    throw new SourceError(`${origin} gave control characters, which are no token`, false)
  if (token.length > MOST_BYTES) throw new SourceError(`${origin} gave a token that is longer than 64 KiB`, false)
  const expiresAt = earlier(statedExpiry, jwtExpiry(token))
  if (expiresAt !== undefined && expiresAt <= now) {
    const ended = new Date(Math.max(0, expiresAt)).toISOString()
    throw new SourceError(`${origin} gave a token that ended at ${ended}; is the clock of this machine right?`, false)
  }
  return { token, expiresAt }
}

/**
 * The `exp` of a JWT in Unix milliseconds (RFC 7519 §4.1.4), read and not verified: whoever takes the token does that.
 * `undefined` for anything else.
 */
export function jwtExpiry(token: string): number | undefined {
  const [, payload = '', ...rest] = token.split('.')
  if (rest.length !== 1) return undefined
  const exp = parseObject(Buffer.from(payload, 'base64url').toString('utf8'))?.['exp']
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined
}

/** The earlier of two times, or the only one there is. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
}
