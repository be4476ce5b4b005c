import { canonical } from '../../../src/json/canonical.js'
import { formatPointer, parsePointer } from '../../../src/json/pointer.js'
import { isObject, parseJson, parseObject, valueAt } from '../../../src/json/read.js'
import { locate } from '../../../src/json/scan.js'
import { insertMember, replaceValue } from '../../../src/json/splice.js'
import { parseStrict } from '../../../src/json/strict.js'
import { readAdcpError, readRpcError } from '../../../src/policy/adcp-error.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'

const NAMES = ['a', 'b', 'error', 'code', '', 'a/b', '~', 'é', '__proto__', '0', '1']
const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u00e9',
  '\\ud800',
  '0',
  '-',
  '.',
  'e',
  'true',
  'null',
  ' ',
  '\n',
  '\0',
  '"a":1,',
  '"\\u0061":2',
  '\xff',
]

const CHARACTERS = ['a', 'b', '"', '\\', '/', 'é', '\n', '\u{1f600}']

/** Any JSON value. Members have no name twice. */
export function jsonValue(dice: Dice, depth = 3): unknown {
  const kind = dice.below(depth > 0 ? 8 : 5)
  if (kind === 0) return dice.pick([null, true, false])
  if (kind === 1) return dice.pick([0, -1, 1.5, 1e21, 2 ** 53, -0.1, dice.below(1_000)])
  if (kind < 5) return dice.list(5, () => dice.pick(CHARACTERS)).join('')
  if (kind < 6) return dice.list(3, () => jsonValue(dice, depth - 1))
  return Object.fromEntries(dice.list(4, () => [dice.pick(NAMES), jsonValue(dice, depth - 1)]))
}

const spelled = (dice: Dice, value: unknown): string => JSON.stringify(value, undefined, dice.pick(['', '', ' ', '\t']))
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

function parsedBy(text: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text)) }
  } catch {
    return undefined
  }
}

const damaged = (dice: Dice, text: string): Buffer => {
  const octets = dice.mutate(Buffer.from(text).toString('latin1'), WORDS)
  return Buffer.from(octets, 'latin1')
}

const strict: Subject = {
  parser: 'json/strict.ts parseStrict',
  promise: 'takes exactly what JSON.parse takes in UTF-8, names that stand twice aside, with its value',
  weight: 5,
  run: dice => {
    const text = damaged(dice, spelled(dice, jsonValue(dice)))
    const read = parseStrict(text)
    const parsed = parsedBy(text)
    if (read === 'duplicate')
      return parsed === undefined || (text.toString().match(/:/g)?.length ?? 0) < 2
        ? wrongly(text.toString(), read)
        : undefined
    if (read === 'invalid' || parsed === undefined)
      return read === 'invalid' && parsed === undefined ? undefined : wrongly(text.toString('latin1'), read, parsed)
    return same(read.value, parsed.value) ? undefined : wrongly(text.toString(), read)
  },
}

const someWay = (dice: Dice): string[] => dice.list(3, () => dice.pick(NAMES))

const scan: Subject = {
  parser: 'json/scan.ts locate',
  promise: 'finds the bytes that JSON.parse reads as the value at the pointer, in damaged texts too',
  weight: 5,
  run: dice => {
    const text = damaged(dice, spelled(dice, jsonValue(dice)))
    const pointer = someWay(dice)
    const located = locate(text, pointer)
    const parsed = parsedBy(text)
    if ((located.kind === 'invalid') !== (parsed === undefined)) return wrongly(text.toString('latin1'), located)
    if (located.kind === 'invalid' || located.kind === 'duplicate') return undefined
    const there = valueAt(parsed?.value, pointer)
    if (located.kind !== 'found')
      return there === undefined ? undefined : wrongly([text.toString(), pointer], located, there)
    const found = parsedBy(text.subarray(located.start, located.end))
    return same(found?.value, there) ? undefined : wrongly([text.toString(), pointer], found, there)
  },
}

const splice: Subject = {
  parser: 'json/splice.ts insertMember replaceValue',
  promise: 'changes what JSON.parse reads at the pointer, and not one byte elsewhere',
  weight: 3,
  run: dice => {
    const value = jsonValue(dice)
    const text = dice.chance(0.6) ? Buffer.from(spelled(dice, value)) : damaged(dice, spelled(dice, value))
    const pointer = someWay(dice)
    const added = insertMember(text, pointer, '"new"')
    const edited = typeof added === 'string' ? replaceValue(text, pointer, '"new"') : added
    if (typeof edited === 'string') return undefined
    const parsed = parsedBy(edited)
    if (parsed === undefined || valueAt(parsed.value, pointer) !== 'new')
      return wrongly([text.toString(), pointer], edited.toString())
    const at = edited.indexOf('"new"')
    const located = locate(edited, pointer)
    if (located.kind !== 'found' || at === -1) return wrongly([text.toString(), pointer], located)
    const isAround = text.subarray(0, 1).equals(edited.subarray(0, 1)) || pointer.length === 0
    const tail = edited.subarray(located.end)
    return isAround && text.subarray(text.length - tail.length).equals(tail)
      ? undefined
      : wrongly([text.toString(), pointer], edited.toString())
  },
}

/** Members in another order, and other white space. */
function shuffled(dice: Dice, value: unknown): unknown {
  if (Array.isArray(value)) return value.map(part => shuffled(dice, part))
  if (!isObject(value)) return value
  const members = Object.entries(value).map(([name, part]) => [name, shuffled(dice, part)])
  return Object.fromEntries(dice.chance(0.5) ? members.reverse() : members)
}

const canon: Subject = {
  parser: 'json/canonical.ts canonical',
  promise:
    'is one form for all spellings of a value, reads as that value, is its own form, and is nothing for what is no JSON',
  weight: 4,
  run: dice => {
    const value = jsonValue(dice)
    const form = canonical(Buffer.from(spelled(dice, value)), [])
    const other = canonical(Buffer.from(spelled(dice, shuffled(dice, value))), [])
    if (form === undefined || form !== other) return wrongly(value, form, other)
    if (canonical(Buffer.from(form), []) !== form) return wrongly(value, form)
    const text = damaged(dice, form)
    const some = canonical(text, [])
    const parsed = parsedBy(text)
    if (some === undefined) return undefined
    return parsed !== undefined && canonical(Buffer.from(JSON.stringify(parsed.value)), []) === some
      ? undefined
      : wrongly(text.toString(), some)
  },
}

const pointers: Subject = {
  parser: 'json/pointer.ts parsePointer',
  promise: 'is written and read back as it was (RFC 6901), and what is read is written back as it was',
  weight: 2,
  run: dice => {
    const way = dice.list(4, () => dice.word('a/~01é', 4))
    const back = parsePointer(formatPointer(way))
    if (!same(back, way)) return wrongly(way, back)
    const text = dice.word('a/~01', 8)
    const read = parsePointer(text)
    return read === undefined || formatPointer(read) === text ? undefined : wrongly(text, read)
  },
}

const reads: Subject = {
  parser: 'json/read.ts parseJson parseObject',
  promise: 'gives what JSON.parse gives, objects alone where objects are asked for, and never throws',
  weight: 2,
  run: dice => {
    const text = damaged(dice, spelled(dice, jsonValue(dice))).toString()
    const parsed = parsedBy(Buffer.from(text))
    const value = parseJson(Buffer.from(text))
    if (!text.startsWith('\uFEFF') && !same(value, parsed?.value)) return wrongly(text, value)
    const object = parseObject(text)
    return same(object, isObject(parsed?.value) ? parsed.value : undefined) ? undefined : wrongly(text, object)
  },
}

const ADCP = [
  'result',
  'error',
  'data',
  'adcp_error',
  'code',
  'retry_after',
  'status',
  'state',
  'errors',
  'structuredContent',
  'content',
  'isError',
  'parts',
  'artifacts',
  'recovery',
  'message',
  'details',
]

function message(dice: Dice, depth: number): unknown {
  const kind = dice.below(depth > 0 ? 7 : 3)
  if (kind === 0)
    return dice.pick(['RATE_LIMITED', 'failed', 'transient', 'x', '', '{"adcp_error":{"code":"SERVICE_UNAVAILABLE"}}'])
  if (kind === 1) return dice.pick([-32_029, 0, -1, 0.5, 1e9, 30])
  if (kind === 2) return dice.pick([true, null, false])
  if (kind === 3) return dice.list(2, () => message(dice, depth - 1))
  return Object.fromEntries(dice.list(4, () => [dice.pick(ADCP), message(dice, depth - 1)], 1))
}

const adcp: Subject = {
  parser: 'policy/adcp-error.ts readAdcpError readRpcError',
  promise: 'no JSON makes it throw, and a wait is whole seconds from 1 to 3600',
  weight: 3,
  run: dice => {
    const told = dice.chance(0.9) ? message(dice, 5) : jsonValue(dice)
    for (const error of [readAdcpError(told), readRpcError(told)]) {
      const wait = error?.retryAfter
      if (wait !== undefined && (wait % 1_000 !== 0 || wait < 1_000 || wait > 3_600_000)) return wrongly(told, error)
    }
    return undefined
  },
}

export const JSON_TEXTS: readonly Subject[] = [strict, scan, splice, canon, pointers, reads, adcp]
