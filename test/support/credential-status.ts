import type { CredentialStatus } from '../../src/credential/credentials.js'
import { millis } from '../../src/time/units.js'

/** Of a credential that nobody has asked for yet; `change` says what is otherwise. */
export const credentialStatus = (change: Partial<CredentialStatus> = {}): CredentialStatus => ({
  name: 'vendor',
  source: 'env TOKEN',
  state: 'none',
  usable: false,
  generation: 0,
  print: undefined,
  expiresAt: undefined,
  age: undefined,
  retryAfter: millis(0),
  error: undefined,
  ...change,
})
