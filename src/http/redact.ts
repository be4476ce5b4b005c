import type { Fields } from './fields.js'

/** Fields whose value is never shown, whatever their case. `log.redact` adds to them. */
const SECRET: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'idempotency-key',
  'payment-signature',
  'x-payment',
])

/** Words in the names of fields that vendors made up for such values. */
const SECRET_WORD = /auth|token|secret|passw|key|cookie|session|signature|credential|assertion|jwt|payment/

const REDACTED = '[redacted]'

/** @param name in lower case */
export const isSecretField = (name: string): boolean => SECRET.has(name)

/**
 * Header fields for the log: an object by lower-case name, repeats joined, secrets masked: by name, and in URLs wherever
 * they are, for a `Referer` has its page's query. @param extra lower-case names
 */
export function redactFields(fields: Fields, extra: readonly string[]): Record<string, string> {
  const shown = new Map<string, string>()
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    const hidden = SECRET.has(name) || SECRET_WORD.test(name) || extra.includes(name)
    const value = hidden ? REDACTED : withoutQueries(fields[i + 1] as string)
    const before = shown.get(name)
    shown.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return Object.fromEntries(shown)
}

/** A path or URL is shown up to its query, with whatever stands behind that. */
function withoutQueries(value: string): string {
  const query = /^\/|:\/\//.test(value) ? value.indexOf('?') : -1
  return redactUrl(query < 0 ? value : `${value.slice(0, query + 1)}${REDACTED}`)
}

/**
 * A request target or a URL inside a message, without user information and without the values of a query. Clients choose
 * how long it is, so no character is looked at more than once by either pattern.
 */
export const redactUrl = (text: string): string =>
  text
    .replace(/:\/\/[^\s/@]*@/g, `://${REDACTED}@`)
    .replace(/(https?:\/\/[^\s?]*)(\?\S*)?/gi, (all, url: string, query?: string) =>
      query === undefined ? all : `${url}?${REDACTED}`,
    )

/** A `Host`, or the target of a CONNECT, without user information. */
export const redactAuthority = (text: string): string => text.replace(/^.*@/s, `${REDACTED}@`)
