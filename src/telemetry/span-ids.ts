import { randomFillSync } from 'node:crypto'

/** Names for traces and spans, in hexadecimal digits. */
export type SpanIds = {
  /** 32 digits. */
  readonly trace: () => string
  /** 16 digits. */
  readonly span: () => string
}

const TRACE_BYTES = 16
const SPAN_BYTES = 8
/** Asked for at once: each call to the system's source costs more than the bytes. */
const POOL_BYTES = 4_096

/** Random ones, from the system's source: an id that can be guessed could be claimed by somebody else's span. */
export function randomIds(): SpanIds {
  const pool = Buffer.allocUnsafe(POOL_BYTES)
  let used = POOL_BYTES
  const take = (bytes: number): string => {
    if (used + bytes > POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    used += bytes
    return pool.toString('hex', used - bytes, used)
  }
  return { trace: () => take(TRACE_BYTES), span: () => take(SPAN_BYTES) }
}
