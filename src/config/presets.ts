import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { isObject } from '../json/read.js'
import { suggest } from './did-you-mean.js'
import { errorAt, type Finding, routesOf } from './findings.js'
import { packageRoot } from './package-root.js'

const FOLDER = new URL('config/presets/', packageRoot())

/** Names of the shipped presets, sorted. */
export function presetNames(): string[] {
  return readdirSync(FOLDER)
    .filter(file => file.endsWith('.yaml'))
    .map(file => file.slice(0, -'.yaml'.length))
    .sort()
}

/** The YAML text of a preset. @param name one of `presetNames()`. */
export const presetText = (name: string): string => readFileSync(new URL(`${name}.yaml`, FOLDER), 'utf8')

/** The data with every route's preset filled in under its own keys. Lists are taken whole, blocks key by key. */
export function applyPresets(data: unknown): { data: unknown; findings: Finding[] } {
  const used = routesOf(data).filter(([, route]) => typeof route['preset'] === 'string')
  if (used.length === 0 || !isObject(data) || !Array.isArray(data['routes'])) return { data, findings: [] }
  const names = presetNames()
  const findings: Finding[] = []
  const routes: unknown[] = [...data['routes']]
  for (const [index, route] of used) {
    const name = String(route['preset'])
    if (names.includes(name)) routes[index] = merge(parse(presetText(name)), route)
    else findings.push(errorAt(['routes', index, 'preset'], `no preset is called "${name}"${suggest(name, names)}`))
  }
  return { data: { ...data, routes }, findings }
}

function merge(under: unknown, over: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...over }
  if (!isObject(under)) return merged
  for (const [key, value] of Object.entries(under)) {
    const own = merged[key]
    if (!Object.hasOwn(merged, key)) merged[key] = value
    else if (isObject(own)) merged[key] = merge(value, own)
  }
  return merged
}
