import { arrayEnd, INVALID, isWholeValue, OPEN_ARRAY, OPEN_OBJECT, objectEnd, stringAt, valueEnd } from './grammar.js'

/** What a strict text says, or why nobody should act on it. */
export type Strict = { readonly value: unknown } | 'invalid' | 'duplicate'

/**
 * Reads JSON whose meaning is beyond dispute: strict grammar in UTF-8 without a byte order mark, and no object with two
 * members of one name, however spelled, because parsers disagree which of them counts (RFC 8259 §4).
 */
export function parseStrict(text: Buffer): Strict {
  let duplicate = false
  const walk = (at: number, depth: number): number => {
    if (text[at] === OPEN_ARRAY) return arrayEnd(text, at, depth, value => walk(value, depth + 1))
    if (text[at] !== OPEN_OBJECT) return valueEnd(text, at, depth)
    const names = new Set<string>()
    return objectEnd(text, at, depth, (start, end, value) => {
      const name = stringAt(text, start, end)
      if (names.has(name)) duplicate = true
      names.add(name)
      return walk(value, depth + 1)
    })
  }
  if (!isWholeValue(text, at => (at === INVALID ? INVALID : walk(at, 0)))) return 'invalid'
  return duplicate ? 'duplicate' : { value: JSON.parse(text.toString('utf8')) }
}
