import { isObject } from '../json/read.js'

/** Something wrong at a place of the data, not yet at a line of the file. */
export type Finding = {
  readonly path: readonly PropertyKey[]
  /** Point at the key or at what it holds. */
  readonly at: 'key' | 'value'
  readonly message: string
  readonly severity: 'error' | 'warning'
  /** The line holds a secret and must not be shown. */
  readonly masked?: boolean
}

export const errorAt = (path: readonly PropertyKey[], message: string): Finding => ({
  path,
  at: 'value',
  message,
  severity: 'error',
})

export const warningAt = (path: readonly PropertyKey[], message: string): Finding => ({
  path,
  at: 'key',
  message,
  severity: 'warning',
})

/** What stands at a place of plain data; `undefined` when nothing does. */
export function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let here = data
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined
    here = (here as Record<PropertyKey, unknown>)[step]
  }
  return here
}

/** The entries of `routes` that are blocks, with their place. */
export function routesOf(data: unknown): [number, Record<string, unknown>][] {
  const routes = valueAt(data, ['routes'])
  return Array.isArray(routes) ? [...routes.entries()].filter(([, route]) => isObject(route)) : []
}
