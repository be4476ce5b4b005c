/**
 * Reads of up to this many bytes are handed on as views of a buffer that the next read overwrites: most answers are
 * small, and pass through without a copy. Whoever keeps a chunk beyond the call that brought it asks for `kept`.
 */
export const SHARED_MAX = 8_192

/** The same bytes, safe to keep. */
export const kept = (chunk: Buffer): Buffer => (chunk.length > SHARED_MAX ? chunk : Buffer.from(chunk))
