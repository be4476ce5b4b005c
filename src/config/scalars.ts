import { z } from 'zod'
import { type Pointer, parsePointer } from '../json/pointer.js'
import { formatMillis, type Millis, parseDuration, parseSize } from '../time/units.js'
import { isWrong, type Wrong, wrong } from './wrong.js'

/** What a kind of value is called in messages and in the reference; kept beside the schemas, out of the JSON Schema. */
export type Kind = {
  readonly expects: string
  readonly type: string
  readonly range?: string
  /** Words of earlier versions, and what they are called now. */
  readonly renamed?: Readonly<Record<string, string>>
}

export const kinds = z.registry<Kind>()

/** A string that is parsed at the edge into something that cannot be wrong. */
export function text<T>(kind: Kind, parse: (value: string) => T | Wrong) {
  const schema = z.string().transform((value, context): T => {
    const parsed = parse(value)
    if (!isWrong(parsed)) return parsed
    context.addIssue({ code: 'custom', message: parsed.wrong })
    return z.NEVER
  })
  return schema.register(kinds, kind)
}

/** `200ms`, `30s`, `2m`, `1h` as milliseconds. @param least, most in the same words. */
export function duration(least = '1ms', most = '24h') {
  const min = parseDuration(least) ?? 0
  const max = parseDuration(most) ?? Number.POSITIVE_INFINITY
  const kind = { expects: 'a duration such as 200ms, 30s, 2m or 1h', type: 'duration', range: `${least} to ${most}` }
  return text<Millis>(kind, value => {
    const span = parseDuration(value)
    if (span === undefined) return wrong(`"${value}" is not a duration; write 200ms, 30s, 2m or 1h`)
    if (span < min || span > max) return wrong(`${formatMillis(span)} is out of range; ${kind.range}`)
    return span
  })
}

/** `64KiB` as bytes. @param least, most in the same words. */
export function size(least = '0B', most = '16GiB') {
  const min = parseSize(least) ?? 0
  const max = parseSize(most) ?? Number.POSITIVE_INFINITY
  const kind = { expects: 'a size such as 64KiB or 16MiB', type: 'size', range: `${least} to ${most}` }
  return text<number>(kind, value => {
    const bytes = parseSize(value)
    if (bytes === undefined) return wrong(`"${value}" is not a size; write 512B, 64KiB, 16MiB or 1GiB`)
    if (bytes < min || bytes > max) return wrong(`${value} is out of range; ${kind.range}`)
    return bytes
  })
}

export const integer = (least: number, most: number) =>
  z
    .int()
    .min(least)
    .max(most)
    .register(kinds, { expects: 'a whole number', type: 'integer', range: `${least} to ${most}` })

export const number = (least: number, most: number) =>
  z
    .number()
    .min(least)
    .max(most)
    .register(kinds, { expects: 'a number', type: 'number', range: `${least} to ${most}` })

export const yesNo = () => z.boolean().register(kinds, { expects: 'true or false', type: 'true or false' })

export const choice = <const T extends readonly [string, ...string[]]>(...words: T) =>
  z.enum(words).register(kinds, { expects: `one of ${words.join(', ')}`, type: words.join(' | ') })

/** A choice in which `false` says the same as `off`. */
export const choiceOrOff = <const T extends string>(...words: readonly T[]) =>
  z
    .union([z.enum(words), z.enum(['off']), z.literal(false)])
    .transform((value): T | 'off' => (value === false ? 'off' : (value as T | 'off')))
    .register(kinds, { expects: `one of ${words.join(', ')}, off`, type: `${words.join(' | ')} | off` })

export const status = () => integer(100, 599)

/** Free text with something in it. */
export const words = (expects: string, type = 'text') =>
  text({ expects, type }, value => (value.trim() === '' ? wrong(`is empty; ${expects} is needed`) : value))

/** A list that has something in it, unless `least` is 0; long lists are refused, everything has a cap. */
export const list = <T extends z.ZodType>(item: T, least = 1, most = 256) =>
  z
    .array(item)
    .min(least)
    .max(most)
    .register(kinds, { expects: 'a list', type: `list (${kinds.get(item)?.type ?? 'block'})` })

/** A name that other keys refer to. */
export const name = () =>
  text({ expects: 'a name', type: 'name' }, value =>
    /^[a-z0-9][\w.-]{0,63}$/i.test(value)
      ? value
      : wrong(`"${value}" is not a name; letters, digits, - _ . and at most 64 of them`),
  )

/** An HTTP field name (RFC 9110 §5.1), kept as written. */
export const headerName = () =>
  text({ expects: 'a header name', type: 'header name' }, value =>
    /^[!#$%&'*+.^`|~\w-]{1,128}$/.test(value) ? value : wrong(`"${value}" is not a header name`),
  )

export const lowerHeaderName = () =>
  headerName()
    .transform(value => value.toLowerCase())
    .register(kinds, { expects: 'a header name', type: 'header name' })

/** A JSON pointer (RFC 6901) to a place within a document. */
export const jsonPointer = () =>
  text<Pointer>({ expects: 'a JSON pointer such as /error/code', type: 'JSON pointer' }, value => {
    const pointer = parsePointer(value)
    return pointer === undefined || pointer.length === 0
      ? wrong(`"${value}" is not a JSON pointer; write /error/code`)
      : pointer
  })

export type Money = { readonly amount: string; readonly symbol: string }

/** `"0.10 USDC"`: a decimal string and a symbol, never a float. */
export const money = () =>
  text<Money>({ expects: 'an amount such as "0.10 USDC"', type: 'money' }, value => {
    const match = /^(\d{1,30}(?:\.\d{1,30})?) ([A-Za-z][A-Za-z0-9.]{0,15})$/.exec(value)
    if (match === null) return wrong(`"${value}" is not an amount; write digits, a space and a symbol: "0.10 USDC"`)
    return { amount: match[1] ?? '', symbol: match[2] ?? '' }
  })

/** A block that `off` or `false` switches off; left out, it has its defaults. */
export function offable<T extends z.ZodType>(block: T) {
  const type = kinds.get(block)?.type ?? 'block'
  const kind = { expects: `${kinds.get(block)?.expects ?? 'a block of settings'}, or off`, type: `${type} | off` }
  const schema = z
    .union([block, z.enum(['off']), z.literal(false)])
    .transform((value): z.output<T> | undefined =>
      value === 'off' || value === false ? undefined : (value as z.output<T>),
    )
  kinds.add(schema, kind)
  return schema
}

/** The description of a key: goes into the JSON Schema and the reference. */
export const key = <T extends z.ZodType>(description: string, schema: T): T => schema.meta({ description })
