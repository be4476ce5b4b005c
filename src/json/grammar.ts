import { isUtf8 } from 'node:buffer'

/**
 * The grammar of RFC 8259 over the bytes of a text, without building values: whoever edits or compares a body must see
 * what a parser throws away, such as big integers, repeated members and white space. A function takes the position where
 * a thing begins and gives the one after its end, or `INVALID`. The text must be valid UTF-8: `isWholeValue` sees to it.
 */
export const INVALID = -1

/** Deeper nesting than any API has, and far from the end of the stack. */
const MAX_DEPTH = 128

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
export const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
export const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const LITERALS: ReadonlyMap<number, string> = new Map([
  [0x74, 'true'],
  [0x66, 'false'],
  [0x6e, 'null'],
])
/** `"\/bfnrt`, as bytes. */
const ESCAPES: ReadonlySet<number> = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74])

/** @param read gives the end of the member's value, which begins at `value`; `name` begins at its quote */
export type ReadMember = (name: number, nameEnd: number, value: number) => number
/** @param read gives the end of the element, which begins at `value` */
export type ReadElement = (value: number, index: number) => number

/**
 * Nothing but one JSON value in UTF-8, white space around it allowed, a byte order mark not (RFC 8259 §2, §8.1).
 * @param read gives the end of the value, on whatever way it reads it
 */
export function isWholeValue(text: Buffer, read: (at: number) => number): boolean {
  if (!isUtf8(text)) return false
  const end = read(skipSpace(text, 0))
  return end !== INVALID && skipSpace(text, end) === text.length
}

function skipSpace(text: Buffer, at: number): number {
  let next = at
  while (text[next] === 0x20 || text[next] === 0x0a || text[next] === 0x0d || text[next] === 0x09) next++
  return next
}

/** @param depth objects and arrays around it */
export function valueEnd(text: Buffer, at: number, depth: number): number {
  const first = text[at]
  switch (first) {
    case QUOTE:
      return stringEnd(text, at)
    case OPEN_OBJECT:
      return objectEnd(text, at, depth, (_name, _end, value) => valueEnd(text, value, depth + 1))
    case OPEN_ARRAY:
      return arrayEnd(text, at, depth, value => valueEnd(text, value, depth + 1))
    case undefined:
      return INVALID
    default:
      return scalarEnd(text, at, first)
  }
}

/** @param at of the opening brace @param read is asked once for every member, in order */
export function objectEnd(text: Buffer, at: number, depth: number, read: ReadMember): number {
  return listEnd(text, at, depth, CLOSE_OBJECT, name => {
    const nameEnd = text[name] === QUOTE ? stringEnd(text, name) : INVALID
    if (nameEnd === INVALID) return INVALID
    const colon = skipSpace(text, nameEnd)
    return text[colon] === COLON ? read(name, nameEnd, skipSpace(text, colon + 1)) : INVALID
  })
}

/** @param at of the opening bracket @param read is asked once for every element, in order */
export const arrayEnd = (text: Buffer, at: number, depth: number, read: ReadElement): number =>
  listEnd(text, at, depth, CLOSE_ARRAY, read)

function listEnd(text: Buffer, at: number, depth: number, close: number, read: ReadElement): number {
  if (depth >= MAX_DEPTH) return INVALID
  let next = skipSpace(text, at + 1)
  if (text[next] === close) return next + 1
  for (let index = 0; ; index++) {
    const end = read(next, index)
    if (end === INVALID) return INVALID
    next = skipSpace(text, end)
    if (text[next] === close) return next + 1
    if (text[next] !== COMMA) return INVALID
    next = skipSpace(text, next + 1)
  }
}

/** @param at of the opening quote */
function stringEnd(text: Buffer, at: number): number {
  for (let next = at + 1; ; next++) {
    const byte = text[next]
    if (byte === undefined || byte < 0x20) return INVALID
    if (byte === QUOTE) return next + 1
    if (byte !== BACKSLASH) continue
    next = escapeEnd(text, next) - 1
    if (next < 0) return INVALID
  }
}

function escapeEnd(text: Buffer, at: number): number {
  const kind = text[at + 1]
  if (kind === undefined) return INVALID
  if (ESCAPES.has(kind)) return at + 2
  if (kind !== 0x75) return INVALID
  return /^[0-9A-Fa-f]{4}$/.test(text.toString('latin1', at + 2, at + 6)) ? at + 6 : INVALID
}

function scalarEnd(text: Buffer, at: number, first: number): number {
  const literal = LITERALS.get(first)
  if (literal !== undefined) {
    const end = at + literal.length
    return text.toString('latin1', at, end) === literal ? end : INVALID
  }
  return numberEnd(text, at)
}

function numberEnd(text: Buffer, at: number): number {
  const first = text[at] === 0x2d ? at + 1 : at
  let next = text[first] === 0x30 ? first + 1 : digitsEnd(text, first)
  if (next !== INVALID && text[next] === 0x2e) next = digitsEnd(text, next + 1)
  if (next === INVALID || (text[next] !== 0x65 && text[next] !== 0x45)) return next
  const sign = text[next + 1]
  return digitsEnd(text, sign === 0x2b || sign === 0x2d ? next + 2 : next + 1)
}

/** At least one digit. */
function digitsEnd(text: Buffer, at: number): number {
  let next = at
  for (let byte = text[next]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = text[next]) next++
  return next > at ? next : INVALID
}

/** What the string between two quotes says; the span must be one that the grammar accepted. */
export function stringAt(text: Buffer, start: number, end: number): string {
  const inner = text.toString('utf8', start + 1, end - 1)
  return inner.includes('\\') ? (JSON.parse(`"${inner}"`) as string) : inner
}
