import { createHash, randomUUID } from 'node:crypto'
import type { Pointer } from '../json/pointer.js'
import type { Kit, Patch } from './kit.js'

/** What makes two requests the same one: a key, and the values that its placeholders stand for. */
export type Operation = { readonly key: string; readonly uuids: string[] }

/** The bytes of one request, the same ones however often they are sent. */
export type Frozen = {
  readonly operation: Operation
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** How a request differs from what its operation says. */
export type Change = {
  readonly patch?: Patch | undefined
  /** Of the key: without one, or in quotes (a String of RFC 9651). */
  readonly key?: 'none' | 'quoted'
}

/** A fresh key and fresh values. */
export const newOperation = (key: string = randomUUID()): Operation => ({ key, uuids: [] })

/** The same values under another key. */
export const withOtherKey = ({ uuids }: Operation): Operation => ({ key: randomUUID(), uuids })

/** The first characters of a hash: says which, and not what. */
export const hashed = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

/** Fills in the templates of a kit; aliases mean the same in every request of a run. */
export class Templates {
  readonly #kit: Kit
  readonly #aliases = new Map<string, string>()

  constructor(kit: Kit) {
    this.#kit = kit
  }

  /** Writes the request of an operation. The same operation and change give the same bytes. */
  freeze(operation: Operation, { patch, key }: Change = {}): Frozen {
    const { request, carrier } = this.#kit
    const fill = this.#filler(operation)
    const path = fill(request.path)
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, fill(value)]))
    let body = mapTexts(request.body, fill)
    if (patch !== undefined) body = withValue(body, patch.at, patch.value)
    const value = key === 'quoted' ? `"${operation.key}"` : operation.key
    if (key !== 'none') {
      if (carrier.in === 'header') headers[carrier.name] = value
      else body = withValue(body, carrier.at, value)
    }
    const form = request.encoding === 'form'
    const names = new Set(Object.keys(headers).map(name => name.toLowerCase()))
    if (!names.has('content-type'))
      headers['Content-Type'] = form ? 'application/x-www-form-urlencoded' : 'application/json'
    if (!names.has('accept')) headers['Accept'] = 'application/json, text/event-stream;q=0.9'
    const bytes = Buffer.from(form ? formOf(body) : JSON.stringify(body))
    return { operation, method: request.method, path, headers, body: bytes }
  }

  /** Fills in a path that belongs to no operation. */
  path(template: string, id = ''): string {
    const fill = this.#filler(newOperation())
    return fill(template).replaceAll('{{id}}', encodeURIComponent(id))
  }

  /** Placeholders take their values in the order in which they stand, so that an operation always has the same ones. */
  #filler(operation: Operation): (text: string) => string {
    let next = 0
    const fresh = () => {
      operation.uuids[next] ??= randomUUID()
      return operation.uuids[next++] ?? ''
    }
    const alias = (name: string) => {
      const known = this.#aliases.get(name) ?? randomUUID()
      this.#aliases.set(name, known)
      return known
    }
    return text =>
      text.replaceAll(/\{\{(uuid|key)(?:#([\w-]+))?\}\}/g, (_, what: string, name: string | undefined) => {
        if (what === 'key') return operation.key
        return name === undefined ? fresh() : alias(name)
      })
  }
}

function mapTexts(value: unknown, fill: (text: string) => string): unknown {
  if (typeof value === 'string') return fill(value)
  if (Array.isArray(value)) return value.map(one => mapTexts(one, fill))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, mapTexts(one, fill)]))
}

/** A copy with a value at a place whose parent is there. */
function withValue(root: unknown, at: Pointer, value: unknown): unknown {
  const [head, ...rest] = at
  if (head === undefined) return value
  if (Array.isArray(root)) return root.map((one, i) => (String(i) === head ? withValue(one, rest, value) : one))
  const block = typeof root === 'object' && root !== null ? (root as Record<string, unknown>) : {}
  return { ...block, [head]: withValue(block[head], rest, value) }
}

/** Nested names in brackets: `metadata[order]=6735`. */
function formOf(body: unknown): string {
  const pairs: string[] = []
  const add = (name: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [inner, one] of Object.entries(value)) add(name === '' ? inner : `${name}[${inner}]`, one)
    } else pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
  }
  add('', body)
  return pairs.join('&')
}
