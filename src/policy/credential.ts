import { readChallenges } from '../http/auth-challenge.js'
import type { Fields } from '../http/fields.js'
import type { Carrier } from '../http/injection.js'
import type { Millis } from '../time/units.js'
import type { Why } from './types.js'

/** What is to be done about a 401 (T2); another answer is other policies' business. */
export type Renewal =
  | { readonly act: 'return'; readonly why: Why }
  /** The client gets it now, while a renewal in the background lets its own repeat work (TR-14). */
  | { readonly act: 'return-and-renew'; readonly why: Why }
  /** Hold it, renew, repeat once; without a new token the client gets it, and the word is `token-not-renewed` (L10). */
  | { readonly act: 'renew'; readonly why: 'token-renewed' }

/** Of the attempt that was answered. */
export type RenewalFacts = {
  /** Where our token was; `undefined` when this attempt carried none of ours (TR-12). */
  readonly carrier: Carrier['kind'] | undefined
  /** This request has had its one forced renewal (TR-13). */
  readonly renewed: boolean
  /** The whole body can be sent again (or there is none). */
  readonly repeatable: boolean
  /** Until the exchange's one deadline (L2). */
  readonly timeLeft: Millis
}

/** Any method: a 401 was not processed (RFC 9110 §15.5.2). `undefined` for every status but 401. */
export function decideRenewal(
  answer: { readonly status: number; readonly fields: Fields },
  { carrier, renewed, repeatable, timeLeft }: RenewalFacts,
  on401: 'refresh' | 'pass',
): Renewal | undefined {
  if (answer.status !== 401) return undefined
  if (carrier === undefined) return { act: 'return', why: 'not-our-token' }
  if (on401 === 'pass') return { act: 'return', why: 'renewal-off' }
  if (renewed) return { act: 'return', why: 'token-refused-again' }
  if (challengeSays(answer.fields, carrier) === 'pass') return { act: 'return', why: 'token-not-at-fault' }
  if (!repeatable) return { act: 'return-and-renew', why: 'body-not-kept' }
  if (timeLeft <= 0) return { act: 'return-and-renew', why: 'wait-too-long' }
  return { act: 'renew', why: 'token-renewed' }
}

/** A new token of the same client would be refused for the same reason (RFC 6750 §3.1, RFC 9470 §3). */
const LASTING: ReadonlySet<string> = new Set([
  'insufficient_scope',
  'invalid_request',
  'insufficient_user_authentication',
])

/** Schemes with a meaning of their own: an API key in a field or a parameter of the vendor's is none of them. */
const ESTABLISHED: ReadonlySet<string> = new Set([
  'basic',
  'concealed',
  'digest',
  'dpop',
  'gnap',
  'hoba',
  'mutual',
  'negotiate',
  'ntlm',
  'oauth',
  'privatetoken',
  'scram-sha-1',
  'scram-sha-256',
  'vapid',
])

/**
 * Whether a renewed token may help, by the challenges of a 401 (TR-11). None, or none that can be read, says nothing
 * against it. Where several speak to our credential, `invalid_token` outweighs the others.
 */
export function challengeSays(fields: Fields, carrier: Carrier['kind']): 'renew' | 'pass' {
  const challenges = readChallenges(fields)
  if (challenges.length === 0) return 'renew'
  const ours = challenges.filter(({ scheme }) => speaksTo(carrier, scheme))
  if (ours.length === 0) return 'pass'
  const errors = ours.map(({ params }) => params.get('error')?.toLowerCase() ?? '')
  return !errors.includes('invalid_token') && errors.some(error => LASTING.has(error)) ? 'pass' : 'renew'
}

function speaksTo(carrier: Carrier['kind'], scheme: string): boolean {
  return carrier === 'bearer' || carrier === 'basic' ? scheme === carrier : !ESTABLISHED.has(scheme)
}
