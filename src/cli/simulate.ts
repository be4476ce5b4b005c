import type { Route } from '../config/config.js'
import { reachedBy } from '../exchange/respond.js'
import { FAULTS } from '../faults.js'
import { decideRetry, isExhaustion } from '../policy/retry.js'
import type { Attempt, Decision, MethodClass, Outcome, Why } from '../policy/types.js'
import { formatMillis, millis } from '../time/units.js'
import type { Scripted } from './scripted-answers.js'

/** Attempt, outcome, what is done, why. */
type Row = readonly [string, string, string, string]

/** In words, beside the word that the log uses. */
const REASONS: Readonly<Record<Why, string>> = {
  final: 'nothing to do about this answer',
  committed: 'the answer has begun to reach the client',
  certificate: 'a bad certificate is never tried again',
  veto: 'the upstream says not to',
  'retry-off': 'the route does not repeat',
  'unsafe-to-repeat': 'it may have been applied, and the method is not idempotent',
  'body-not-kept': 'the body was too long to keep',
  'attempts-exhausted': 'no try is left',
  'budget-exhausted': 'the retry budget is empty',
  'wait-too-long': 'the wait does not fit',
  'never-sent': 'nothing was sent',
  'stale-connection': 'a reused connection had died',
  network: 'the connection failed',
  status: 'the status is on the list',
  'retry-after': 'the upstream says when',
  'retry-after-capped': 'the upstream asks for longer than it may',
  'key-in-flight': 'an earlier try with the same key still runs',
  'not-our-token': 'the client sent the refused credential itself',
  'renewal-off': 'the credential says to pass a 401 on',
  'token-not-at-fault': 'the 401 says that another token would not help',
  'token-renewed': 'there is a new token',
  'token-not-renewed': 'there is no new token',
  'token-refused-again': 'the new token was refused as well',
  paid: 'the payment that the 402 asks for',
  'not-paid': 'nothing is paid; the log says why',
}

/**
 * Plays a script through the retry policy, with a full budget, a closed breaker and a body that is kept. The waits are
 * given as the range that the jitter leaves. @param now Unix milliseconds, for dates in hints.
 */
export function simulate(route: Route, methodClass: MethodClass, answers: readonly Scripted[], now: number): Row[] {
  const rows: Row[] = []
  let attempt: Attempt = { number: 1, retries: 0, freeUsed: false, class: methodClass, repeatable: true }
  const elapsed = { least: 0, most: 0 }
  let lastAnswer: Scripted | undefined
  for (const [index, scripted] of answers.entries()) {
    const { outcome } = scripted
    if (outcome.kind === 'answer') lastAnswer = scripted
    const took = outcome.kind === 'fault' && outcome.phase === 'timeout' ? route.timeout.per_try : 0
    elapsed.least += took
    elapsed.most += took
    const decide = (spent: number, random: number): Decision =>
      decideRetry(attempt, outcome, factsOf(route, now + spent, spent, random), route.retry)
    const early = decide(elapsed.least, 0)
    const late = decide(elapsed.most, 1)
    rows.push([`${attempt.number}.`, scripted.text, describe(early, late), `${early.why}: ${REASONS[early.why]}`])
    if (early.act === 'return') {
      // "Not applied" must not stand for a later attempt that may have been.
      const inDoubt = outcome.kind === 'fault' && attempt.class === 'bare' && reachedBy(outcome) === 'unknown'
      return [...rows, clientGets(scripted, inDoubt ? undefined : lastAnswer, early.why, route)]
    }
    if (index === answers.length - 1) return [...rows, ['', '', 'and so on', 'the script ends here']]
    elapsed.least += early.after
    elapsed.most += late.act === 'retry' ? late.after : early.after
    attempt = nextAttempt(attempt, early.free)
  }
  return rows
}

function factsOf(route: Route, now: number, spent: number, random: number) {
  const timeLeft = millis(Math.max(0, route.timeout.total - spent))
  return { now, timeLeft, budget: true, cooldown: new Set(route.cooldown?.on), random: () => random }
}

const nextAttempt = (attempt: Attempt, free: boolean): Attempt => ({
  ...attempt,
  number: attempt.number + 1,
  retries: attempt.retries + (free ? 0 : 1),
  freeUsed: attempt.freeUsed || free,
})

function describe(early: Decision, late: Decision): string {
  if (early.act === 'return') return 'give back'
  if (late.act === 'return') return `repeat after ${formatMillis(early.after)}, or give back if the waits were long`
  const range = early.after === late.after ? '' : ` to ${formatMillis(late.after)}`
  const wait = late.after === 0 ? 'at once' : `after ${formatMillis(early.after)}${range}`
  return `repeat ${wait}${early.gated ? ', shared with other requests' : ''}${early.fresh ? ', new connection' : ''}`
}

/** An earlier answer of the upstream is worth more than our own word about a fault (R10). */
function clientGets(last: Scripted, answer: Scripted | undefined, why: Why, route: Route): Row {
  const tells = isExhaustion(why) && route.retry?.tell_client === true ? ' with x-should-retry: false' : ''
  if (answer !== undefined) return ['', 'client gets', answer.text, `the upstream's own answer${tells}`]
  return ['', 'client gets', problemOf(last.outcome), `made by mulligan${tells}`]
}

function problemOf(outcome: Outcome): string {
  if (outcome.kind === 'answer') return String(outcome.status)
  const { status, code } = FAULTS[outcome.fault]
  return `${status} ${code}`
}
