import type { Config, Route } from '../config/config.js'
import { FAULTS } from '../faults.js'
import { classify } from '../policy/method-class.js'
import { REASONS } from '../policy/reasons.js'
import { decideRetry } from '../policy/retry.js'
import { type Attempt, type Decision, type MethodClass, type Outcome, WHYS, type Why } from '../policy/types.js'
import type { AttemptView, ExchangeDetail } from '../serving/views.js'
import { millis } from '../time/units.js'

/** What was decided about one attempt, and what the configuration here would decide. */
export type Replayed = {
  readonly n: number
  readonly outcome: string
  readonly phase: string | null
  /** `none`: it ended before anything was decided. */
  readonly act: 'repeat' | 'give-back' | 'none'
  readonly why: string
  /** The same in words; empty for `none`. */
  readonly reason: string
  /** Until the next attempt, in milliseconds. */
  readonly wait_ms: number
  /** `null` where this cannot be told: the record does not hold what it turns on. */
  readonly now: { readonly act: 'repeat' | 'give-back'; readonly why: Why; readonly reason: string } | null
  readonly same: boolean | null
}

/** After these another attempt is made. */
const REPEATS: ReadonlySet<string> = new Set<Why>([
  'never-sent',
  'stale-connection',
  'network',
  'status',
  'retry-after',
  'retry-after-capped',
  'key-in-flight',
  'token-renewed',
  'paid',
])

/** Decided by other policies than repeating: about a credential, and about money. */
const OF_CREDENTIALS: ReadonlySet<string> = new Set<Why>([
  'not-our-token',
  'renewal-off',
  'token-not-at-fault',
  'token-renewed',
  'token-not-renewed',
  'token-refused-again',
])
const OF_PAYMENTS: ReadonlySet<string> = new Set<Why>(['paid', 'not-paid'])

/**
 * Decides anew about every attempt of an exchange, each as it was recorded, under a route of today. What is not recorded
 * (a full budget, a kept body, what a body said) is taken as it must have been. @param route `undefined`: none takes it
 */
export function replay(exchange: ExchangeDetail, route: Route | undefined, config: Config): readonly Replayed[] {
  let attempt: Attempt = {
    number: 1,
    retries: 0,
    freeUsed: false,
    class: classToday(exchange, route),
    repeatable: true,
  }
  return exchange.attempts.map(view => {
    const { n, outcome, phase, why, wait_ms } = view
    const act = REPEATS.has(why) ? 'repeat' : isWhy(why) ? 'give-back' : 'none'
    const decisions = isWhy(why) ? decideToday({ ...attempt, number: n }, view, exchange, route, config) : undefined
    const same = decisions?.some(decision => actOf(decision) === act && decision.why === why) ?? null
    const [first] = decisions ?? []
    const free = why === 'stale-connection'
    const isCounted = act === 'repeat' && !free && !OF_CREDENTIALS.has(why) && !OF_PAYMENTS.has(why)
    attempt = {
      ...attempt,
      retries: attempt.retries + (isCounted ? 1 : 0),
      freeUsed: attempt.freeUsed || free,
    }
    const now = first === undefined ? null : { act: actOf(first), why: first.why, reason: REASONS[first.why] }
    return { n, outcome, phase, act, why, reason: isWhy(why) ? REASONS[why] : '', wait_ms, now, same }
  })
}

const isWhy = (word: string): word is Why => WHYS.some(why => why === word)

const actOf = ({ act }: Decision): 'repeat' | 'give-back' => (act === 'retry' ? 'repeat' : 'give-back')

/** With a key that the route would count; whether its conditions on the body are met, the record alone can tell. */
function classToday({ method, key, class: then }: ExchangeDetail, route: Route | undefined): MethodClass {
  const settings = route?.idempotency
  if (settings === undefined || !settings.methods.includes(method)) return classify(method, 'none')
  if (key === null && settings.when.length > 0) return then ?? classify(method, 'none')
  const hasKey = key !== null || settings.inject !== undefined
  const counts = hasKey && route?.retry?.non_idempotent !== 'never'
  return classify(method, counts ? settings.upstream : 'none')
}

/** With the shortest and the longest wait that jitter gives; `undefined`: nobody can tell. */
function decideToday(
  attempt: Attempt,
  view: AttemptView,
  exchange: ExchangeDetail,
  route: Route | undefined,
  config: Config,
): readonly Decision[] | undefined {
  const { why } = view
  if (OF_CREDENTIALS.has(why)) return why === 'token-renewed' ? renewalToday(route, config) : undefined
  if (OF_PAYMENTS.has(why)) return why === 'paid' && route?.payment === undefined ? [giveBack('final')] : undefined
  const outcome = outcomeOf(view, route)
  if (outcome === undefined) return undefined
  const passed = view.head_ms ?? view.end_ms
  const facts = {
    now: Date.parse(exchange.time) + passed,
    timeLeft: millis(Math.max(0, (route?.timeout.total ?? Number.POSITIVE_INFINITY) - passed)),
    budget: why !== 'budget-exhausted',
    cooldown: new Set(route?.cooldown?.on),
  }
  const ground = { ...attempt, repeatable: why !== 'body-not-kept' }
  const decisions = [0, 1].map(random => decideRetry(ground, outcome, { ...facts, random: () => random }, route?.retry))
  // Whether its turn at the cooldown gate would come in time, the others of then decided.
  const atGate = decisions.some(decision => decision.act === 'retry' && decision.gated)
  return atGate && why === 'wait-too-long' ? undefined : decisions
}

function renewalToday(route: Route | undefined, { credentials }: Config): readonly Decision[] {
  const name = route?.credential
  const settings = name !== undefined && Object.hasOwn(credentials, name) ? credentials[name] : undefined
  if (settings === undefined) return [giveBack('final')]
  if (settings.on_401 === 'pass') return [giveBack('renewal-off')]
  return [
    { act: 'retry', why: 'token-renewed', after: millis(0), free: true, gated: false, fresh: false, hint: undefined },
  ]
}

const giveBack = (why: Why): Decision => ({ act: 'return', why })

/** As the retry policy saw it; `undefined` where the body of the answer was what counted, and today's route reads it too. */
function outcomeOf({ outcome, phase, why, hints }: AttemptView, route: Route | undefined): Outcome | undefined {
  if (phase !== null) return isFault(outcome) ? { kind: 'fault', fault: outcome, phase, details: outcome } : undefined
  const status = Number(outcome)
  if (!Number.isInteger(status)) return undefined
  const reads = route !== undefined && route.classify.length > 0
  const told = status < 400 ? why !== 'final' : why === 'key-in-flight' && status !== 409
  if (told && reads) return undefined
  const answer = { kind: 'answer', status, fields: hints.flat() } as const
  if (why === 'key-in-flight' && reads) return { ...answer, inFlight: true }
  return why === 'final' && reads ? { ...answer, final: true } : answer
}

const isFault = (word: string): word is keyof typeof FAULTS => Object.hasOwn(FAULTS, word)
