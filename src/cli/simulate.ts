import type { Route } from '../config/config.js'
import { reachedBy } from '../exchange/respond.js'
import { FAULTS } from '../faults.js'
import { REASONS } from '../policy/reasons.js'
import { decideRetry, isExhaustion } from '../policy/retry.js'
import type { Attempt, Decision, MethodClass, Outcome, Why } from '../policy/types.js'
import { formatMillis, millis } from '../time/units.js'
import type { Scripted } from './scripted-answers.js'

/** Attempt, outcome, what is done, why. */
type Row = readonly [string, string, string, string]

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
