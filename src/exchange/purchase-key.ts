import { createHash, randomBytes } from 'node:crypto'
import { fieldValue } from '../http/fields.js'
import { credentialPrint } from './credential-print.js'
import type { RequestHead } from './lane.js'
import type { Plan } from './plan.js'

/** The client's own name for what it buys. */
export const namedPurchase = ({ fields }: RequestHead): string | undefined => fieldValue(fields, 'idempotency-key')

/**
 * By what a client's own retry is known as the same purchase (P5): its idempotency key, or else client, method, URL and
 * body. Where others can reach the listener and nothing tells who asks, no request is known as another's: what was bought
 * for one caller is never another's. Hex SHA-256. @param digest of the body, hex
 */
export function purchaseKey(plan: Plan, request: RequestHead, digest: string): string {
  const { route, scheme, authority, path, shared } = plan
  const client = credentialPrint(request.fields)
  if (shared && client === '') return randomBytes(32).toString('hex')
  const key = namedPurchase(request)
  const what = key === undefined ? ['request', digest] : ['key', key]
  const parts = [route.name, client, request.method, scheme, authority, path, ...what]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
