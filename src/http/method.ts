const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** A token of RFC 9110 §5.6.2: what a method, a field name or a coding may be. */
export const isToken = (text: string): boolean => TOKEN.test(text)

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE'])

/**
 * Sending it twice means the same as sending it once (rule R1's SAFE; RFC 9110 §9.2.2).
 * Methods are case-sensitive (RFC 9110 §9.1): `get` is some other method, of which nothing is known.
 */
export const isSafeToRepeat = (method: string): boolean => SAFE.has(method)
