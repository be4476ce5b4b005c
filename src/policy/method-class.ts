import type { MethodClass } from './types.js'

/** Safe or idempotent (RFC 9110 §9.2.1, §9.2.2; QUERY is safe by its draft). Methods are case-sensitive. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE'])

/** The column of rule R1. @param hasHonouredKey the request carries a key that the route says its upstream honours. */
export function classify(method: string, hasHonouredKey: boolean): MethodClass {
  if (REPEATABLE.has(method)) return 'safe'
  return hasHonouredKey ? 'keyed' : 'bare'
}
