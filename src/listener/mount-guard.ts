import { hostname } from 'node:os'
import type { ListenAddress } from '../config/config.js'
import { parseAuthority } from '../http/authority.js'
import { type Fields, fieldValues } from '../http/fields.js'

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '::1'])

/**
 * Whether an origin-form request may use a mount (FP-25): a web page must not be able to spend what a route holds.
 * Browsers cannot send absolute-form or CONNECT, but they can send this; so the `Host` must be a name of the listener
 * (DNS rebinding), and what says that it comes from another site is refused. @returns why not, or undefined
 */
export function crossSiteReason(fields: Fields, host: string | undefined, listener: ListenAddress): string | undefined {
  const site = fieldValues(fields, 'sec-fetch-site').find(value => value !== 'none' && value !== 'same-origin')
  if (site !== undefined) return `Sec-Fetch-Site is ${site}`
  const own = host === undefined ? undefined : parseAuthority(host, 80)
  // A name with a dot at its end is looked up by other rules than the same without: nobody of this machine writes it.
  if (own === undefined || !isOwnName(own.host, listener) || /\.(?::\d*)?$/.test(host ?? ''))
    return 'Host is not a name of this listener'
  const isOwn = (origin: string) => {
    const from = parseAuthority(origin.replace(/^http:\/\//, ''), 80)
    return from?.host === own.host && from.port === own.port
  }
  return fieldValues(fields, 'origin').every(isOwn) ? undefined : 'Origin is another site'
}

/**
 * A name without a dot beyond loopback is a service name of a container network: public DNS has no such names,
 * so no page can rebind one.
 */
function isOwnName(name: string, listener: ListenAddress): boolean {
  if (LOOPBACK_NAMES.has(name) || listener.kind === 'unix') return true
  if (name === listener.host || name === hostname().toLowerCase()) return true
  return !LOOPBACK_NAMES.has(listener.host) && (!name.includes('.') || /^[\d.]+$/.test(name) || name.includes(':'))
}
