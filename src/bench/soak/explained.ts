import { type Act, type Errand, LEAVES_STALE, UNGATED } from './errand.js'

/** How one request ended for the client. */
export type Seen =
  /** An answer of the daemon's own. */
  | { readonly kind: 'own'; readonly status: number; readonly code: string }
  /** The upstream's, to its end. */
  | { readonly kind: 'whole'; readonly status: number }
  /** The head came, and the rest visibly broke off. */
  | { readonly kind: 'broken'; readonly status: number }
  /** Not a byte came. */
  | { readonly kind: 'unanswered'; readonly error: string }

/** The daemon's codes that an act of the upstream explains. */
const EXPLAINS: Readonly<Record<Act, readonly string[]>> = {
  reset: ['reset'],
  'apply-reset': ['reset'],
  cut: ['bad_upstream_answer', 'reset'],
  'cut-chunked': ['bad_upstream_answer', 'reset'],
  refuse: [],
  limit: [],
  fail: [],
  drip: [],
  silent: ['deadline'],
  early: ['reset', 'bad_upstream_answer'],
  eager: [],
  junk: ['bad_upstream_answer'],
  close: [],
  stray: [],
}

/** Answers without the upstream that what happened to others explains: at a gate for limits. */
const FROM_GATES: ReadonlySet<string> = new Set(['cooldown_full', 'deadline'])
/** Of a key that was used before, or is in use. */
const FROM_KEYS: ReadonlySet<string> = new Set(['key_in_flight', 'outcome_unknown', 'result_unavailable'])

/** Acts after which an answer that has begun cannot be ended well. */
const BREAKS: ReadonlySet<Act> = new Set(['cut', 'cut-chunked', 'early'])

/** Whether what the client saw follows from what was done to its request. */
export function isExplained(errand: Errand, seen: Seen): boolean {
  switch (seen.kind) {
    case 'whole':
      return seen.status < 500 || errand.acts.some(act => act === 'refuse' || act === 'fail')
    case 'broken':
    // A reset may overtake the head that was sent before it.
    case 'unanswered':
      return errand.acts.some(act => BREAKS.has(act))
    case 'own':
      return isOwnExplained(errand, seen.code)
  }
}

function isOwnExplained(errand: Errand, code: string): boolean {
  if (errand.acts.some(act => EXPLAINS[act].includes(code))) return true
  // A daemon that protects itself says so to anybody.
  if (code === 'overloaded') return true
  if (errand.route !== 'pass' && code === 'breaker_open') return true
  if (!UNGATED.has(errand.route) && FROM_GATES.has(code)) return true
  if (errand.keyed !== 'no' && FROM_KEYS.has(code)) return true
  if (errand.route === 'vendor' && code === 'token_unavailable') return true
  // RFC 9112 §9.3.1: a connection may close under any request, and this one must not be sent again, or is not.
  return code === 'reset' && (errand.route === 'pass' || (errand.method === 'POST' && LEAVES_STALE.has(errand.route)))
}
