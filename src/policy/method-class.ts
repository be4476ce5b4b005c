import type { IdempotencySettings } from './idempotency-settings.js'
import type { MethodClass } from './types.js'

/** Safe or idempotent (RFC 9110 §9.2.1, §9.2.2; QUERY is safe by its draft). Methods are case-sensitive. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE'])

/** The column of rule R1. @param honours what the upstream does with the key of the request; `none` where it has no key */
export function classify(method: string, honours: IdempotencySettings['upstream']): MethodClass {
  if (REPEATABLE.has(method)) return 'safe'
  if (honours === 'none') return 'bare'
  return honours === 'resume' ? 'resumable' : 'keyed'
}
