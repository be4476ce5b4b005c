import { parseDictionary, parseList } from 'structured-headers'
import type { Millis } from '../time/units.js'
import { hintMillis, largest } from './retry-after.js'

/**
 * How long until the exhausted quotas of a `RateLimit` field are full again: the largest `t` of the items with `r=0`.
 * `none` when no quota is exhausted (or none says until when); `undefined` when the field is malformed.
 * draft-ietf-httpapi-ratelimit-headers-10 §4; also the dictionary of draft 7 (`limit=9, remaining=0, reset=30`),
 * which common server middleware still sends.
 */
export function parseRateLimit(value: string): Millis | 'none' | undefined {
  return fromList(value) ?? fromDictionary(value)
}

function fromList(value: string): Millis | 'none' | undefined {
  const list = attempt(() => parseList(value))
  const quotas = list?.map(([, parameters]) => ({ left: parameters.get('r'), reset: parameters.get('t') }))
  if (quotas === undefined || quotas.every(quota => quota.left === undefined)) return undefined
  return longestReset(quotas)
}

function fromDictionary(value: string): Millis | 'none' | undefined {
  const fields = attempt(() => parseDictionary(value))
  const left = fields?.get('remaining')?.[0]
  return left === undefined ? undefined : longestReset([{ left, reset: fields?.get('reset')?.[0] }])
}

function longestReset(
  quotas: readonly { readonly left: unknown; readonly reset: unknown }[],
): Millis | 'none' | undefined {
  const resets = quotas.filter(quota => quota.left === 0 && quota.reset !== undefined).map(quota => quota.reset)
  if (resets.length === 0) return 'none'
  return largest(resets.map(reset => (isSeconds(reset) ? hintMillis(reset * 1_000) : undefined)))
}

const isSeconds = (value: unknown): value is number => typeof value === 'number' && value >= 0

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined // the parser's only way to say "malformed"
  }
}
