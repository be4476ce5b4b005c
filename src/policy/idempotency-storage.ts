import type { ClassifiedAs, ReplaySettings } from './idempotency-settings.js'

/** How an exchange with a claim ended. */
export type ClaimOutcome =
  | {
      readonly kind: 'answer'
      readonly status: number
      /** It, or its classification, says when to come back; only of a 5xx it counts. */
      readonly hinted: boolean
      /** Its body arrived to the end. */
      readonly whole: boolean
    }
  | { readonly kind: 'fault'; readonly reached: 'not-sent' | 'unknown' }
  /** mulligan's own answer, before anything was sent. */
  | { readonly kind: 'refusal' }

export type ClaimFacts = {
  /** The upstream knows its keys again: what is unsure resolves there. */
  readonly dedups: boolean
  readonly settings: Pick<ReplaySettings, 'store_4xx' | 'on_5xx'>
  readonly classified: ClassifiedAs | undefined
  /** An earlier attempt of the exchange may have acted, and its answer never came. */
  readonly earlierUnknown: boolean
}

export type ClaimConclusion =
  /** Replay this answer from now on. */
  | 'store'
  /** The key is as if it had never come: its next request runs. */
  | 'release'
  /** It may have acted, but what it gave is not known, or must not be replayed. */
  | 'uncertain'

/** Whatever `store_4xx` says: a refusal that time, a token or a payment changes, or another request with that key (I7, I8). */
export const NEVER_STORED: ReadonlySet<number> = new Set([401, 402, 407, 408, 409, 425, 429])
/** Done, perhaps, but nothing that can stand for the answer: a switched protocol, a part, a redirect after the deed. */
const ACTED_UNSTORABLE: ReadonlySet<number> = new Set([101, 206, 302])
/** Refused as such, not tried: method or version not supported, a captive portal (RFC 9110 §15.6.2, §15.6.6; RFC 6585 §6). */
const NOT_APPLIED_5XX: ReadonlySet<number> = new Set([501, 505, 511])

/** What becomes of the claim (I7): only a success is ever stored, and only a doubt that the upstream cannot resolve blocks. */
export function concludeClaim(outcome: ClaimOutcome, facts: ClaimFacts): ClaimConclusion {
  const conclusion = judge(outcome, facts)
  // A refusal of the last attempt says nothing about an earlier one that may have acted.
  return conclusion === 'release' && facts.earlierUnknown && !facts.dedups ? 'uncertain' : conclusion
}

function judge(outcome: ClaimOutcome, facts: ClaimFacts): ClaimConclusion {
  switch (outcome.kind) {
    case 'refusal':
      return 'release'
    case 'fault':
      return outcome.reached === 'not-sent' ? 'release' : 'uncertain'
    case 'answer':
      return judgeAnswer(outcome, facts)
  }
}

function judgeAnswer(answer: Extract<ClaimOutcome, { kind: 'answer' }>, facts: ClaimFacts): ClaimConclusion {
  const { status } = answer
  if (status >= 500) return judgeServerError(answer, facts)
  if (facts.classified !== undefined) return 'release'
  if (ACTED_UNSTORABLE.has(status)) return facts.dedups ? 'release' : 'uncertain'
  if ((status >= 200 && status < 300) || status === 303) return answer.whole ? 'store' : 'uncertain'
  const wanted = status >= 400 && facts.settings.store_4xx.includes(status) && !NEVER_STORED.has(status)
  return wanted && answer.whole ? 'store' : 'release'
}

function judgeServerError(
  { status, hinted }: { readonly status: number; readonly hinted: boolean },
  { dedups, settings, classified }: ClaimFacts,
): ClaimConclusion {
  if (dedups || settings.on_5xx === 'release' || NOT_APPLIED_5XX.has(status)) return 'release'
  // A rate limit and "come back later" were told before anything was done (R1); of other words in a 5xx nobody knows.
  const notApplied = classified === 'rate_limited' || (hinted && (status === 503 || classified === 'unavailable'))
  return notApplied ? 'release' : 'uncertain'
}
