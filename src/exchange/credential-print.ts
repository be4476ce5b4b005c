import { createHash } from 'node:crypto'
import { type Fields, fieldValues } from '../http/fields.js'
import { CREDENTIAL_FIELDS } from '../idempotency/lookup.js'

/**
 * Tells credentials apart without keeping them: cooldowns are shared by the requests of one credential only (R8).
 * Empty for a request without any.
 */
export function credentialPrint(fields: Fields): string {
  const values = CREDENTIAL_FIELDS.flatMap(name => fieldValues(fields, name).map(value => `${name}:${value}`))
  return values.length === 0 ? '' : createHash('sha256').update(values.join('\n')).digest('base64url').slice(0, 16)
}
