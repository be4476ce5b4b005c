import type { FaultName } from '../faults.js'
import type { Fields } from '../http/fields.js'
import type { Millis } from '../time/units.js'

/**
 * What repeating a request risks (RFC 9110 §9.2.2): nothing · nothing while the upstream honours its key · likewise, and
 * a failed one is taken up again · a second effect.
 */
export type MethodClass = 'safe' | 'keyed' | 'resumable' | 'bare'

/** How far an attempt came: the first column of rule R1. */
export const PHASES = [
  'dns', // no address
  'connect', // refused, unreachable or timed out
  'tls', // handshake failed before a request byte
  'certificate', // certificate or host name invalid
  'unsent', // a socket was had, nothing was handed to it
  'stream_refused', // h2 REFUSED_STREAM, or above the GOAWAY id
  'stale', // a reused socket died with no byte read since dispatch
  'reset', // sent, then reset or closed
  'timeout', // sent, no head in time
  'junk', // sent, malformed or partial head
  'answered', // a final head arrived
  'committed', // a final head went to the client
] as const

export type Phase = (typeof PHASES)[number]

/** What an attempt gave. */
export type Outcome =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly fields: Fields
      /** The body says that an earlier try with the same key still runs. */
      readonly inFlight?: boolean
      /** The body says that no repeat would help, whatever the status says. */
      readonly final?: boolean
    }
  | { readonly kind: 'fault'; readonly fault: FaultName; readonly phase: Phase; readonly details: string }

export type Attempt = {
  /** 1 for the first. */
  readonly number: number
  /** Counted repeats made so far (free ones left out). */
  readonly retries: number
  /** The one free repeat of a stale socket has been used. */
  readonly freeUsed: boolean
  readonly class: MethodClass
  /** The whole body can be sent again (or there is none). */
  readonly repeatable: boolean
}

/** State as read just before deciding. */
export type Facts = {
  /** Wall time, Unix milliseconds. */
  readonly now: number
  /** Until the exchange's one deadline (L2). */
  readonly timeLeft: Millis
  /** The origin's retry budget can pay one repeat. */
  readonly budget: boolean
  /** The route shares cooldowns (R8): a hinted 429 or 503 waits at the gate and costs no budget. */
  readonly cooldown: ReadonlySet<number>
  readonly random: () => number
}

/** Why a decision was made: the same word in log, tests and docs. */
export const WHYS = [
  'final', // nothing to do about this status
  'committed',
  'certificate',
  'veto',
  'retry-off',
  'unsafe-to-repeat',
  'body-not-kept',
  'attempts-exhausted',
  'budget-exhausted',
  'wait-too-long',
  'never-sent',
  'stale-connection',
  'network',
  'status',
  'retry-after',
  'retry-after-capped',
  'key-in-flight', // an earlier try with the same key still runs
  'not-our-token', // a 401 for what the client sent itself
  'renewal-off',
  'token-not-at-fault', // the challenge of the 401 says so
  'token-renewed',
  'token-not-renewed', // the renewal failed, or gave the same token again
  'token-refused-again',
  'paid', // the terms of the 402 were met
  'not-paid', // or not: the log says why
] as const

export type Why = (typeof WHYS)[number]

export type Decision =
  | { readonly act: 'return'; readonly why: Why }
  | {
      readonly act: 'retry'
      readonly why: Why
      readonly after: Millis
      /** Costs no budget and is not counted (R1 stale socket). */
      readonly free: boolean
      /** Waits at the origin's cooldown gate; costs no budget (R7). */
      readonly gated: boolean
      /** 408, 421 and stale sockets need a new connection. */
      readonly fresh: boolean
      /** The hint as the server gave it, before jitter. */
      readonly hint: Millis | undefined
    }
