import { type Fields, fieldValues } from './fields.js'

/** The span that a request belongs to. */
export type TraceParent = {
  /** 32 hexadecimal digits, in lower case. */
  readonly traceId: string
  /** 16 of them. */
  readonly spanId: string
  /** Whoever began the trace records it. */
  readonly sampled: boolean
  /** The trace id was drawn at random (level 2). */
  readonly random: boolean
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZERO = /^0+$/
const SAMPLED = 1
const RANDOM = 2

/**
 * `traceparent` (W3C Trace Context, level 2, §3.2); `undefined` without one, and for one that is malformed: a second
 * line, capitals, zeros for an id, version ff. What a later version adds at the end is not looked at.
 */
export function readTraceParent(fields: Fields): TraceParent | undefined {
  const [value, second] = fieldValues(fields, 'traceparent')
  if (value === undefined || second !== undefined) return undefined
  const [, version, traceId = '', spanId = '', flags = '', more] = FORM.exec(value) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (ZERO.test(traceId) || ZERO.test(spanId)) return undefined
  const bits = Number.parseInt(flags, 16)
  return { traceId, spanId, sampled: (bits & SAMPLED) !== 0, random: (bits & RANDOM) !== 0 }
}
