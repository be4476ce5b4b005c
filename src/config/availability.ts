import { isObject } from '../json/read.js'
import { errorAt, type Finding, valueAt } from './findings.js'

/** What the format knows but this version cannot do: refused where used, because silence would be a lie. */
export function findUnavailable(data: unknown): Finding[] {
  const findings: Finding[] = []
  const refuse = (path: PropertyKey[], what: string) =>
    findings.push({ ...errorAt(path, `${what} is not available yet in this version`), at: 'key' })
  const workers = valueAt(data, ['workers'])
  if (typeof workers === 'number' && workers > 1) refuse(['workers'], 'more than one worker')
  return findings
}

/** The entries of `routes` that are blocks, with their place. */
export function routesOf(data: unknown): [number, Record<string, unknown>][] {
  const routes = valueAt(data, ['routes'])
  return Array.isArray(routes) ? [...routes.entries()].filter(([, route]) => isObject(route)) : []
}
