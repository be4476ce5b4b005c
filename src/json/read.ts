import type { Pointer } from './pointer.js'

/** What stands at a pointer in parsed JSON; `undefined` when nothing does. Never a property that JSON did not name. */
export function valueAt(parsed: unknown, pointer: Pointer): unknown {
  let value = parsed
  for (const token of pointer) {
    if (Array.isArray(value)) {
      value = /^(?:0|[1-9]\d*)$/.test(token) ? (value as readonly unknown[])[Number(token)] : undefined
    } else if (typeof value === 'object' && value !== null && Object.hasOwn(value, token)) {
      value = (value as Readonly<Record<string, unknown>>)[token]
    } else return undefined
  }
  return value
}

/** `undefined` when it is no JSON; a byte order mark is passed over, as `fetch` does, since clients read on behind it. */
export function parseJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8').replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

/** An object, and not a list or null. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A JSON object; `undefined` for other JSON and for what is none: the parser's own message would quote it. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
