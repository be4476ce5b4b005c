import { createHash, timingSafeEqual } from 'node:crypto'
import { type Fields, fieldValue } from '../http/fields.js'
import { createAddressTest } from '../upstream/destination.js'

/** Who may use the proxy port: everyone on loopback, listed networks, and who knows the credential (`listen.auth`). */
export type ClientAccess = {
  /** Everyone may: nobody has to be asked where they are. */
  readonly isOpen: boolean
  /** @param isUnix it came by a unix socket, whose file mode decides @returns the refusal, or undefined for a client that may pass */
  readonly check: (
    fields: Fields,
    remoteAddress: string | undefined,
    isUnix: boolean,
  ) => 'proxy_auth_required' | 'client_denied' | undefined
}

/** @param credential `username:password`, when `listen.auth` is set */
export function createClientAccess(credential: string | undefined, allowFrom: readonly string[]): ClientAccess {
  const listed = createAddressTest(allowFrom)
  const wanted = credential === undefined ? undefined : digest(`Basic ${Buffer.from(credential).toString('base64')}`)
  const isOpen = wanted === undefined && allowFrom.length === 0
  return {
    isOpen,
    check: (fields, remoteAddress, isUnix) => {
      if (isUnix || isOpen) return undefined
      // It left with a reset before it was read: nobody can say who it was.
      if (remoteAddress === undefined) return 'client_denied'
      if (allowFrom.length > 0 && listed(remoteAddress)) return undefined
      if (wanted === undefined) return isLoopback(remoteAddress) ? undefined : 'client_denied'
      const given = fieldValue(fields, 'proxy-authorization')
      return given !== undefined && timingSafeEqual(digest(normalized(given)), wanted)
        ? undefined
        : 'proxy_auth_required'
    },
  }
}

const isLoopback = createAddressTest(['127.0.0.0/8', '::1/128'])

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The scheme's case is free (RFC 9110 §11.1). */
const normalized = (value: string): string => value.replace(/^basic +/i, 'Basic ')
