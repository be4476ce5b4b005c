import type { Pointer } from '../json/pointer.js'
import type { Millis } from '../time/units.js'

/** `idempotency` of a route. */
export type IdempotencySettings = {
  readonly carrier: KeyCarrier
  /** Conditions on the JSON body, all of which must hold; empty: every request of `methods`. */
  readonly when: readonly JsonCondition[]
  readonly methods: readonly string[]
  /** `undefined`: no key is minted. */
  readonly inject: 'uuid4' | 'uuid7' | 'hmac' | undefined
  /** What an `hmac` key is derived from: the first of these that the request has. */
  readonly from: readonly KeyOrigin[]
  /** What the upstream does with a repeated key (I3). */
  readonly upstream: 'none' | 'replay' | 'reject' | 'resume'
  readonly replay: ReplaySettings | undefined
}

/** Where the key stands in a request. */
export type KeyCarrier =
  | { readonly kind: 'header' /** As it is sent. */; readonly name: string }
  | { readonly kind: 'json'; readonly pointer: Pointer }

export type KeyOrigin = { readonly header: string } | { readonly json: Pointer }

export type JsonValue = string | number | boolean | null

export type JsonCondition = {
  readonly json: Pointer
  /** One of these stands there; empty: anything does. */
  readonly any: readonly JsonValue[]
}

/** `idempotency.replay`: the local replay cache (I4 to I14). */
export type ReplaySettings = {
  readonly ttl: Millis
  readonly in_flight: 'wait' | 'reject'
  /** Bytes. */
  readonly body_max: number
  readonly rate: { readonly per_second: number; readonly burst: number }
  readonly on_uncertain: 'auto' | 'resume' | 'block' | 'allow'
  readonly fingerprint: 'bytes' | 'jcs'
  /** Left out of a `jcs` fingerprint. */
  readonly ignore: readonly Pointer[]
  /** Lower-case names of fields that tell tenants apart, beside the client's credentials (I4). */
  readonly scope: readonly string[]
  /** Other 4xx that are stored too (I7). */
  readonly store_4xx: readonly number[]
  /** A 5xx where the upstream does not deduplicate. */
  readonly on_5xx: 'uncertain' | 'release'
  /** Whose words own refusals and replays use (I14). */
  readonly dialect: 'http' | 'json_rpc' | 'adcp'
}

/** One entry of `classify`: a rule, or a known protocol's errors by name. */
export type ClassifyRule =
  | 'adcp'
  | 'json_rpc'
  | {
      readonly when: JsonCondition & { /** Empty: any status. */ readonly status: readonly number[] }
      readonly as: ClassifiedAs
      /** Place of the wait, in seconds. */
      readonly retry_after: Pointer | undefined
    }

/** rate_limited counts as a 429, unavailable as a 503, in_flight: an earlier try with this key still runs, error: final and never stored. */
export type ClassifiedAs = 'rate_limited' | 'unavailable' | 'in_flight' | 'error'
