import { createHash } from 'node:crypto'
import { fieldValue } from '../http/fields.js'
import { credentialPrint } from './credential-print.js'
import type { RequestHead } from './lane.js'
import type { Plan } from './plan.js'

/**
 * By what a client's own retry is known as the same purchase (P5): its idempotency key, or else client, method, URL and
 * body. Hex SHA-256. @param digest of the body, hex
 */
export function purchaseKey(
  { route, scheme, authority, path }: Plan,
  { method, fields }: RequestHead,
  digest: string,
): string {
  const key = fieldValue(fields, 'idempotency-key')
  const what = key === undefined ? ['request', digest] : ['key', key]
  const parts = [route.name, credentialPrint(fields), method, scheme, authority, path, ...what]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
