import { arrayEnd, isWholeValue, OPEN_ARRAY, OPEN_OBJECT, objectEnd, stringAt, valueEnd } from './grammar.js'
import type { Pointer } from './pointer.js'

/** Where a pointer leads to in the bytes of a JSON text. */
export type Located =
  /** The value is `text.subarray(start, end)`. */
  | { readonly kind: 'found'; readonly start: number; readonly end: number }
  /** Nothing stands there. `room`: the object that could hold it, unless that is missing too. */
  | { readonly kind: 'absent'; readonly room: Room | undefined }
  /** An object on the way has two members of one name, however spelled: parsers disagree which one counts. */
  | { readonly kind: 'duplicate' }
  /** The way leads through a text, a number, or an array without such an index. */
  | { readonly kind: 'not-object' }
  /** Not JSON, not UTF-8, something after the value, or too deep. */
  | { readonly kind: 'invalid' }

/** A new member goes to `at`, behind a comma unless `empty`. */
type Room = { readonly at: number; readonly empty: boolean }

const NOT_OBJECT: Located = { kind: 'not-object' }
const INDEX = /^(?:0|[1-9]\d{0,8})$/

/** Finds the value of a pointer (RFC 6901); the whole text must be strict JSON, whatever the pointer says. */
export function locate(text: Buffer, pointer: Pointer): Located {
  const walk = new Walk(text, pointer)
  if (!isWholeValue(text, at => walk.follow(at, 0))) return { kind: 'invalid' }
  return walk.duplicate ? { kind: 'duplicate' } : walk.located
}

/** One way through one text. */
class Walk {
  readonly #text: Buffer
  readonly #pointer: Pointer
  duplicate = false
  located: Located = { kind: 'absent', room: undefined }

  constructor(text: Buffer, pointer: Pointer) {
    this.#text = text
    this.#pointer = pointer
  }

  /** @param step of the pointer, and as deep in the text @returns the end of the value at `at` */
  follow(at: number, step: number): number {
    const token = this.#pointer[step]
    if (token === undefined) return this.#arrive(at, step)
    if (this.#text[at] === OPEN_OBJECT) return this.#through(at, step, token)
    this.located = NOT_OBJECT
    if (this.#text[at] === OPEN_ARRAY && INDEX.test(token)) return this.#along(at, step, Number(token))
    return valueEnd(this.#text, at, step)
  }

  #arrive(at: number, depth: number): number {
    const end = valueEnd(this.#text, at, depth)
    this.located = { kind: 'found', start: at, end }
    return end
  }

  #through(at: number, step: number, token: string): number {
    const names = new Set<string>()
    let last = at + 1
    let met = false
    const end = objectEnd(this.#text, at, step, (name, nameEnd, value) => {
      const said = stringAt(this.#text, name, nameEnd)
      if (names.has(said)) this.duplicate = true
      names.add(said)
      met ||= said === token
      last = said === token ? this.follow(value, step + 1) : valueEnd(this.#text, value, step + 1)
      return last
    })
    const final = step + 1 === this.#pointer.length
    const room = final ? { at: last, empty: names.size === 0 } : undefined
    if (!met) this.located = { kind: 'absent', room }
    return end
  }

  #along(at: number, step: number, index: number): number {
    return arrayEnd(this.#text, at, step, (value, i) =>
      i === index ? this.follow(value, step + 1) : valueEnd(this.#text, value, step + 1),
    )
  }
}
