import { errorAt, type Finding, isMapping, valueAt } from './findings.js'

/** Blocks of a route whose policies come with a later version: refused where used, because silence would be a lie. */
const ROUTE_KEYS = ['payment', 'idempotency', 'classify'] as const

/** What the format knows but this version cannot do. */
export function findUnavailable(data: unknown): Finding[] {
  const findings: Finding[] = []
  const refuse = (path: PropertyKey[], what: string) =>
    findings.push({ ...errorAt(path, `${what} is not available yet in this version`), at: 'key' })
  const workers = valueAt(data, ['workers'])
  if (typeof workers === 'number' && workers > 1) refuse(['workers'], 'more than one worker')
  const store = valueAt(data, ['store'])
  if (typeof store === 'string' && /^rediss?:/.test(store)) refuse(['store'], 'a redis store')
  for (const [index, route] of routesOf(data)) {
    for (const key of ROUTE_KEYS) if (isUsed(route[key])) refuse(['routes', index, key], key)
  }
  return findings
}

/** The entries of `routes` that are blocks, with their place. */
export function routesOf(data: unknown): [number, Record<string, unknown>][] {
  const routes = valueAt(data, ['routes'])
  return Array.isArray(routes) ? [...routes.entries()].filter(([, route]) => isMapping(route)) : []
}

function isUsed(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 'off') return false
  return !(Array.isArray(value) && value.length === 0)
}
