import { RULED_OUT } from '../faults.js'
import { type Hint, invitesRetry, readHint } from '../http/hint.js'
import { type Millis, millis } from '../time/units.js'
import { afterHint, BACKOFF_FLOOR, backoff } from './backoff.js'
import type { RetrySettings } from './settings.js'
import type { Attempt, Decision, Facts, MethodClass, Outcome, Why } from './types.js'

type Answer = Extract<Outcome, { kind: 'answer' }>
type Failure = Extract<Outcome, { kind: 'fault' }>

/** The verdict of rule R1, before body, counters, time and budget have their say. */
type Verdict =
  | { readonly repeat: false; readonly why: Why }
  | { readonly repeat: true; readonly why: Why; readonly hint: Hint; readonly fresh: boolean; readonly free: boolean }

const NO_HINT: Hint = { kind: 'none' }

/** The server says that it did not act (RFC 9110 §15.5.9, §15.5.20; RFC 6585 §4; RFC 8470 §5.2). */
const NOT_APPLIED: ReadonlySet<number> = new Set([408, 421, 425, 429])
/** Likewise, but only while it also says when to come back (RFC 9110 §15.5.14, §15.6.4). */
const NOT_APPLIED_IF_HINTED: ReadonlySet<number> = new Set([413, 503])
/** RFC 9110 §15.5.9, §15.5.20: the connection, not the request, was at fault. */
const NEEDS_NEW_CONNECTION: ReadonlySet<number> = new Set([408, 421])
/** Other policies' business (credential, payment), or the application's, whatever `statuses` or the server say. */
const NOT_OURS: ReadonlySet<number> = new Set([401, 402, 407, 409])
/** What a route with retries could refuse: tells `retry-off` from `final` in the log. */
const REFUSABLE: ReadonlySet<number> = new Set([408, 421, 425, 429, 500, 502, 503, 504])

/** Whether and when to repeat an attempt (R1 to R7). `settings` is undefined when the route's retries are off. */
export function decideRetry(
  attempt: Attempt,
  outcome: Outcome,
  facts: Facts,
  settings: RetrySettings | undefined,
): Decision {
  const verdict =
    outcome.kind === 'fault'
      ? judgeFault(attempt, outcome, settings)
      : judgeAnswer(attempt, outcome, facts.now, settings)
  if (!verdict.repeat || settings === undefined) return giveBack(verdict.why)
  if (!attempt.repeatable) return giveBack('body-not-kept')
  if (verdict.free) return freeRepeat(verdict.why, facts)
  if (attempt.retries + 1 >= settings.attempts) return giveBack('attempts-exhausted')

  const wait = planWait(attempt, verdict.hint, facts, settings)
  if (wait === undefined) return giveBack('wait-too-long')
  const gated = wait.why === 'retry-after' && outcome.kind === 'answer' && facts.cooldown.has(outcome.status)
  // A gated wait adds no load: the gate releases requests only as fast as the upstream takes them (R7). A capped wait
  // ends before the upstream's instant: it is added load, and no measure for others.
  if (!gated && !facts.budget) return giveBack('budget-exhausted')
  return {
    act: 'retry',
    why: wait.why ?? verdict.why,
    after: wait.after,
    free: false,
    gated,
    fresh: verdict.fresh,
    hint: wait.hint,
  }
}

/** The client should not add repeats of its own to ours: `x-should-retry: false` goes out (R10). */
export const isExhaustion = (why: Why): boolean => why === 'attempts-exhausted' || why === 'budget-exhausted'

const giveBack = (why: Why): Decision => ({ act: 'return', why })
const stop = (why: Why): Verdict => ({ repeat: false, why })
const repeat = (why: Why, hint: Hint = NO_HINT, fresh = false, free = false): Verdict => ({
  repeat: true,
  why,
  hint,
  fresh,
  free,
})

function judgeFault(attempt: Attempt, { phase, fault }: Failure, settings: RetrySettings | undefined): Verdict {
  if (phase === 'committed') return stop('committed')
  if (phase === 'certificate') return stop('certificate')
  if (RULED_OUT.has(fault)) return stop('final')
  if (settings === undefined) return stop('retry-off')
  switch (phase) {
    case 'dns':
    case 'connect':
    case 'tls':
    case 'unsent':
    case 'stream_refused':
      return settings.network ? repeat('never-sent') : stop('retry-off')
    case 'stale':
      return attempt.freeUsed ? judgeSent(attempt.class, settings, true) : judgeStale(attempt.class, settings)
    case 'reset':
      return judgeSent(attempt.class, settings, true)
    case 'timeout':
    case 'junk':
    case 'answered': // the head came, but the held body broke off
      return judgeSent(attempt.class, settings, false)
  }
}

/** The race of a reused connection is our doing, not the upstream's failure, so `network: false` does not cover it. */
function judgeStale(methodClass: MethodClass, settings: RetrySettings): Verdict {
  return mayActTwice(methodClass, settings) ? repeat('stale-connection', NO_HINT, true, true) : stop('unsafe-to-repeat')
}

function judgeSent(methodClass: MethodClass, settings: RetrySettings, fresh: boolean): Verdict {
  if (!mayActTwice(methodClass, settings)) return stop('unsafe-to-repeat')
  return settings.network ? repeat('network', NO_HINT, fresh) : stop('retry-off')
}

/** RFC 9110 §9.2.2: a proxy must not repeat what may have acted, unless the operator took the risk. */
const mayActTwice = (methodClass: MethodClass, settings: RetrySettings): boolean =>
  methodClass !== 'bare' || settings.non_idempotent === 'always'

function judgeAnswer(attempt: Attempt, answer: Answer, now: number, settings: RetrySettings | undefined): Verdict {
  const { status, fields } = answer
  const hint = settings ? readHint(fields, now, settings.reset_headers) : NO_HINT
  if (settings && isKeyInFlight(attempt, answer, hint)) {
    return hint.kind === 'veto' ? stop('veto') : repeat('key-in-flight', hint)
  }
  if (status < 400 || NOT_OURS.has(status)) return stop('final')
  if (settings === undefined) return stop(isRefusable(status) ? 'retry-off' : 'final')
  if (answer.final || !isRefused(attempt, answer, hint, settings)) return stop('final')
  if (hint.kind === 'veto') return stop('veto')
  const notApplied = NOT_APPLIED.has(status) || (NOT_APPLIED_IF_HINTED.has(status) && hint.kind === 'wait')
  // A key makes a repeat one effect, but not a stored 5xx another answer: R1 leaves it to the route.
  const answersAnew = attempt.class === 'safe' || attempt.class === 'resumable' || settings.non_idempotent === 'always'
  if (!notApplied && !answersAnew) return stop('unsafe-to-repeat')
  return repeat('status', hint, NEEDS_NEW_CONNECTION.has(status))
}

/** A 409 that the body explains, or that follows a try of ours and says when to come back: the same key gets its answer. */
function isKeyInFlight({ class: methodClass, number }: Attempt, answer: Answer, hint: Hint): boolean {
  if (methodClass !== 'keyed' && methodClass !== 'resumable') return false
  return answer.inFlight === true || (answer.status === 409 && number > 1 && hint.kind === 'wait')
}

const isRefusable = (status: number): boolean => REFUSABLE.has(status) || (status >= 520 && status <= 529)

function isRefused(attempt: Attempt, { status, fields }: Answer, hint: Hint, settings: RetrySettings): boolean {
  // RFC 9110 §15.5.20: another connection may help, but only one is worth trying.
  if (status === 421) return attempt.retries === 0
  if (status === 413 && hint.kind === 'wait') return true
  return settings.statuses.includes(status) || invitesRetry(fields)
}

function freeRepeat(why: Why, facts: Facts): Decision {
  if (facts.timeLeft <= 0) return giveBack('wait-too-long')
  return { act: 'retry', why, after: millis(0), free: true, gated: false, fresh: true, hint: undefined }
}

type Wait = { readonly after: Millis; readonly hint: Millis | undefined; readonly why: Why | undefined }

/** The wait before the next attempt, `undefined` when it is not worth it: never early, never towards a lost cause (L2, R6). */
function planWait(attempt: Attempt, hint: Hint, facts: Facts, settings: RetrySettings): Wait | undefined {
  if (hint.kind !== 'wait') {
    const after = backoff(attempt.retries, settings.backoff, facts.random)
    return after < facts.timeLeft ? { after, hint: undefined, why: undefined } : undefined
  }
  const { max, when_longer } = settings.retry_after
  if (hint.wait > max) {
    const capped = { after: max, hint: hint.wait, why: 'retry-after-capped' } as const
    return when_longer === 'cap' && max < facts.timeLeft ? capped : undefined
  }
  const earliest = Math.max(BACKOFF_FLOOR, hint.wait)
  if (earliest >= facts.timeLeft) return undefined
  // The jitter gives way to the deadline, the hint does not: half of what is left stays for the attempt itself.
  const latest = earliest + (facts.timeLeft - earliest) / 2
  return { after: millis(Math.min(afterHint(hint.wait, facts.random), latest)), hint: hint.wait, why: 'retry-after' }
}
