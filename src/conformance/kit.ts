import type { SecretRef } from '../config/config.js'
import type { Pointer } from '../json/pointer.js'
import type { Millis } from '../time/units.js'

/** How a family of APIs says what idempotency has to say; `rest` is for whoever has no name here. */
export type ProfileName = 'rest' | 'stripe' | 'adcp-mcp'

/** Where a request has its key. */
export type Carrier = { readonly in: 'header'; readonly name: string } | { readonly in: 'json'; readonly at: Pointer }

/** A value put into the request body in place of what stands there. */
export type Patch = { readonly at: Pointer; readonly value: unknown }

/** A secret that goes into a header, by reference. */
type KitCredential = { readonly header: string; readonly prefix: string; readonly secret: SecretRef }

export type Trip = {
  /** Requests that may be sent to meet the limiter. */
  readonly most: number
  /** How many of them at once. */
  readonly together: number
}

/** A request without a body. */
type PlainCall = { readonly method: string; readonly path: string }

/** What to check, complete: a kit file with its defaults filled in. */
export type Kit = {
  readonly name: string
  readonly file: string
  /** Origin and base path, without a slash at its end. */
  readonly target: string
  readonly sandbox: boolean
  readonly profile: ProfileName
  readonly carrier: Carrier
  /** A request without a key is an error; the profile says so when undefined. */
  readonly keyRequired: boolean | undefined
  readonly request: PlainCall & {
    readonly headers: Readonly<Record<string, string>>
    readonly encoding: 'json' | 'form'
    readonly body: unknown
  }
  /** The resource an answer speaks of. */
  readonly id: Pointer
  readonly mutate: Patch
  readonly invalid: Patch | undefined
  /** How many resources there are. */
  readonly count: { readonly path: string; readonly at: Pointer } | undefined
  readonly credential: KitCredential | undefined
  readonly secondCredential: SecretRef | undefined
  /** Makes one request fail with a 5xx: a header on it, or a call before it. */
  readonly fault: { readonly header: readonly [name: string, value: string] } | PlainCall | undefined
  readonly errorCode: Pointer | undefined
  /** Seconds, in the body. */
  readonly retryAfter: Pointer | undefined
  readonly cleanup: PlainCall | undefined
  readonly parallel: number
  readonly trip: Trip
  /** How long keys are said to be good; undefined when nobody says. */
  readonly ttl: Millis | undefined
  /** How long the check may wait to see that; undefined for not at all. */
  readonly ttlProbe: Millis | undefined
}
