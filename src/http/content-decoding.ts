import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import { type Fields, fieldTokens } from './fields.js'

/** More codings in a row than anybody has a reason for. */
const MAX_CODINGS = 2

type Decode = (coded: Buffer, limit: { readonly maxOutputLength: number }) => Buffer

const DECODERS: Readonly<Record<string, Decode>> = {
  identity: coded => coded,
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: inflate,
  br: (coded, limit) => brotliDecompressSync(coded, limit),
}

/**
 * A body without its Content-Encoding (RFC 9110 §8.4); `undefined` when a coding is unknown, the data is damaged or cut
 * off, or more than `maxBytes` come out.
 */
export function decodeContent(fields: Fields, body: Buffer, maxBytes: number): Buffer | undefined {
  const codings = fieldTokens(fields, 'content-encoding')
  if (codings.length > MAX_CODINGS) return undefined
  let decoded: Buffer | undefined = body
  // The last one named was applied last.
  for (const coding of codings.reverse()) decoded = decoded && decode(coding, decoded, maxBytes)
  return decoded !== undefined && decoded.length <= maxBytes ? decoded : undefined
}

function decode(coding: string, coded: Buffer, maxBytes: number): Buffer | undefined {
  const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined
  try {
    return decoder?.(coded, { maxOutputLength: Math.max(1, maxBytes) })
  } catch {
    return undefined
  }
}

function gunzip(coded: Buffer, limit: Parameters<Decode>[1]): Buffer {
  return gunzipSync(coded, limit)
}

/** RFC 9110 §8.4.1.2: zlib's format, but some senders leave its header out; its first byte tells. */
function inflate(coded: Buffer, limit: Parameters<Decode>[1]): Buffer {
  return ((coded[0] ?? 0) & 0x0f) === 8 ? inflateSync(coded, limit) : inflateRawSync(coded, limit)
}
