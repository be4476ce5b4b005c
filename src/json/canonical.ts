import { arrayEnd, INVALID, isWholeValue, OPEN_ARRAY, OPEN_OBJECT, objectEnd, stringAt, valueEnd } from './grammar.js'
import type { Pointer } from './pointer.js'

/**
 * One spelling for all texts of the same value (RFC 8785): members sorted, no white space, numbers and strings in
 * ECMAScript's form. `undefined` when equal output would not mean an equal value: repeated members, a number that an
 * IEEE 754 double does not give back, half a surrogate pair, or no JSON at all.
 * @param ignore members that are left out, wherever the rest is equal
 */
export function canonical(text: Buffer, ignore: readonly Pointer[]): string | undefined {
  let spelled: Spelled = { end: INVALID }
  const valid = isWholeValue(text, at => {
    spelled = spell(text, at, ignore, 0)
    return spelled.end
  })
  return valid ? spelled.form : undefined
}

/** No form: there is none, and the end is `INVALID`. */
type Spelled = { readonly end: number; readonly form?: string }

const NONE: Spelled = { end: INVALID }
/** true, false, null, and integers that are spelled in one way only. */
const PLAIN = /^(?:[tfn].*|0|-?[1-9]\d{0,14})$/

/** @param ignore what is left of the pointers that lead through here */
function spell(text: Buffer, at: number, ignore: readonly Pointer[], depth: number): Spelled {
  if (text[at] === OPEN_OBJECT) return spellObject(text, at, ignore, depth)
  if (text[at] === OPEN_ARRAY) return spellArray(text, at, ignore, depth)
  const end = valueEnd(text, at, depth)
  if (end === INVALID) return NONE
  const form = text[at] === 0x22 ? spellString(text, at, end) : spellScalar(text.toString('latin1', at, end))
  return form === undefined ? NONE : { end, form }
}

function spellObject(text: Buffer, at: number, ignore: readonly Pointer[], depth: number): Spelled {
  const members = new Map<string, string>()
  const dropped = new Set(ignore.filter(({ length }) => length === 1).map(([name]) => name))
  const end = objectEnd(text, at, depth, (start, nameEnd, value) => {
    const name = stringAt(text, start, nameEnd)
    const within = spell(text, value, below(ignore, name), depth + 1)
    const label = spellString(text, start, nameEnd)
    if (within.form === undefined || label === undefined || members.has(name)) return INVALID
    members.set(name, `${label}:${within.form}`)
    return within.end
  })
  // By UTF-16 code units (RFC 8785 §3.2.3), which is how ECMAScript compares strings.
  const names = [...members.keys()].filter(name => !dropped.has(name)).sort()
  return end === INVALID ? NONE : { end, form: `{${names.map(name => members.get(name)).join(',')}}` }
}

function spellArray(text: Buffer, at: number, ignore: readonly Pointer[], depth: number): Spelled {
  const elements: string[] = []
  const end = arrayEnd(text, at, depth, (value, index) => {
    const within = spell(text, value, below(ignore, String(index)), depth + 1)
    if (within.form !== undefined) elements.push(within.form)
    return within.end
  })
  return end === INVALID ? NONE : { end, form: `[${elements.join(',')}]` }
}

function below(ignore: readonly Pointer[], token: string): readonly Pointer[] {
  if (ignore.length === 0) return ignore
  return ignore.filter(pointer => pointer.length > 1 && pointer[0] === token).map(pointer => pointer.slice(1))
}

/** RFC 8785 §3.2.2.2. What has no escapes is spelled so already; half a surrogate pair has no UTF-8 form. */
function spellString(text: Buffer, start: number, end: number): string | undefined {
  const written = text.toString('utf8', start, end)
  if (!written.includes('\\')) return written
  const said = stringAt(text, start, end)
  return /\p{Surrogate}/u.test(said) ? undefined : JSON.stringify(said)
}

function spellScalar(literal: string): string | undefined {
  if (PLAIN.test(literal)) return literal
  const double = Number(literal)
  // JSON.stringify, because it writes -0 as 0 (RFC 8785 §3.2.2.3).
  const form = JSON.stringify(double)
  return Number.isFinite(double) && decimal(form) === decimal(literal) ? form : undefined
}

/**
 * A number as its digits without zeros at the ends and the power of ten: equal for equal decimals. Two ids beyond 2^53
 * that round to one double differ here, so they never pass as one payload.
 */
function decimal(literal: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(literal) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(power) - fraction.length + digits.length - significant.length}`
}
