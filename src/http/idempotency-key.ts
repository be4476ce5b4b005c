import { type Fields, fieldValues } from './fields.js'

/** What a request says about its key: the key byte for byte as it goes upstream, none, or one that cannot be used (I1). */
export type ReadKey = { readonly key: string } | 'absent' | { readonly invalid: KeyFlaw }

/** several lines of the field · nothing in it · over 255 bytes · control or non-ASCII characters · a JSON value that is no text */
type KeyFlaw = 'repeated' | 'empty' | 'too-long' | 'characters' | 'not-text'

/** What Stripe, AdCP and ACP take; nobody is known to take more. */
const LONGEST_KEY = 255

/** @param name of the header that carries the key, in any case */
export function readKey(fields: Fields, name: string): ReadKey {
  const [value, ...others] = fieldValues(fields, name.toLowerCase())
  if (value === undefined) return 'absent'
  return others.length > 0 ? { invalid: 'repeated' } : judgeKey(value)
}

/**
 * A key may be bare, as most APIs have it, or a quoted structured-field string (draft-ietf-httpapi-idempotency-key §2.1);
 * neither is rewritten, and `"a"` and `a` are two keys. @param value of the field, or what stands in the JSON body
 */
export function judgeKey(value: unknown): ReadKey {
  if (value === undefined) return 'absent'
  if (typeof value !== 'string') return { invalid: 'not-text' }
  const said = /^"(.*)"$/s.exec(value)?.[1] ?? value
  if (said.trim() === '') return { invalid: 'empty' }
  if (!/^[\x20-\x7e]*$/.test(value)) return { invalid: 'characters' }
  return said.length > LONGEST_KEY ? { invalid: 'too-long' } : { key: value }
}

/**
 * A key of our own (RFC 9562 §5.4, §5.7). @param random 16 bytes @param now Unix milliseconds, the beginning of a uuid7:
 * keys made later sort later, which spares the upstream's index
 */
export function mintKey(kind: 'uuid4' | 'uuid7', random: Uint8Array, now: number): string {
  const bytes = Buffer.from(random.subarray(0, 16))
  if (kind === 'uuid7') bytes.writeUIntBE(now, 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (kind === 'uuid4' ? 0x40 : 0x70), 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
