import { type Fields, pickFields } from '../http/fields.js'
import { isToken } from '../http/method.js'

/** The final answer to a keyed request, as it is replayed: its body whole, in the coding it came in. */
export type StoredAnswer = {
  readonly status: number
  readonly reason: string
  readonly fields: Fields
  readonly body: Buffer
}

/** What a replay needs to mean the same. All else, and credentials and cookies above all, is not kept (I13). */
const KEPT: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
  'location',
  'etag',
  'last-modified',
  'link',
  'payment-response',
  'x-payment-response',
])

/** The answer with the fields that may be kept. */
export const keptAnswer = (answer: StoredAnswer): StoredAnswer => ({
  ...answer,
  fields: pickFields(answer.fields, name => KEPT.has(name)),
})

/** The answer for others who asked the same meanwhile: whole, but cookies are set for the one who asked first alone. */
export const sharedAnswer = (answer: StoredAnswer): StoredAnswer => ({
  ...answer,
  fields: pickFields(answer.fields, name => name !== 'set-cookie'),
})

/** The first byte of every answer; a later layout gets another one. */
const VERSION = 1
/** The version, and the length of the JSON before the body. */
const PREFIX = 5

/** @param owner of the claim it answers */
export function encodeAnswer(owner: string, { status, reason, fields, body }: StoredAnswer): Buffer {
  const head = Buffer.from(JSON.stringify([owner, status, reason, ...fields]))
  const prefix = Buffer.alloc(PREFIX)
  prefix.writeUInt8(VERSION)
  prefix.writeUInt32BE(head.length, 1)
  return Buffer.concat([prefix, head, body])
}

/** `undefined` when it answers another claim, or is none of ours: then there is none. @param owner of the claim */
export function decodeAnswer(value: Buffer, owner: string): StoredAnswer | undefined {
  if (value.length < PREFIX || value[0] !== VERSION) return undefined
  const bodyAt = PREFIX + value.readUInt32BE(1)
  const head = bodyAt > value.length ? undefined : parseHead(value.toString('utf8', PREFIX, bodyAt))
  if (head === undefined) return undefined
  const [of, status, reason, ...fields] = head
  if (of !== owner || !isStatus(status) || !isText([reason, ...fields]) || !areFields(fields)) return undefined
  return { status, reason: reason as string, fields: fields as string[], body: value.subarray(bodyAt) }
}

const isStatus = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599

/** What can stand in a head (RFC 9110 §5.5): a damaged byte reads as a character that no head takes. */
const isText = (values: readonly unknown[]): boolean =>
  values.every(value => typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value))

const areFields = (fields: readonly unknown[]): boolean =>
  fields.length % 2 === 0 && fields.every((name, i) => i % 2 === 1 || isToken(name as string))

function parseHead(text: string): readonly unknown[] | undefined {
  try {
    const head: unknown = JSON.parse(text)
    return Array.isArray(head) ? head : undefined
  } catch {
    return undefined
  }
}
