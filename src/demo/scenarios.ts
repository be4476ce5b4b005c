import type { Act, Behaviour } from './api.js'
import type { Call } from './client.js'
import type { Promised } from './promises.js'

/** One way of an API to fail, and what mulligan owes the client then. */
export type Scenario = {
  readonly name: string
  readonly method: Call['method']
  /** Requests of the client, with ids from 1. */
  readonly count: number
  /** All at once, or one after the other. */
  readonly together: boolean
  /** Seconds the client waits for an answer without mulligan; with it, longer than mulligan's own limits. */
  readonly patience: number
  /** A fresh one for each run: rate limits remember. */
  readonly behaviour: () => Behaviour
  readonly promised: Promised
  /** What mulligan does about it, behind "repeated N" where it repeats. */
  readonly did: string
}

/** The same trouble every time: which of `count` requests meet it. */
export function troubled(count: number, unlucky: number, seed: number): ReadonlySet<number> {
  const ids = new Set<number>()
  let state = seed
  while (ids.size < unlucky) {
    // Numerical Recipes' generator: enough to look random, and the same on every machine.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    ids.add(1 + (state % count))
  }
  return ids
}

/** Unlucky requests meet `act` on their first `times` attempts. */
export const sometimes =
  <A extends Act>(act: A, unlucky: ReadonlySet<number>, times = 1) =>
  (): ((id: number, attempt: number) => A | 'answer') =>
  (id, attempt) =>
    unlucky.has(id) && attempt <= times ? act : 'answer'

/**
 * Takes `count` requests, answers 429 to what comes within a second of the first one too many, and then begins anew. So
 * it limits clients as well that a busy machine starts one by one.
 */
const limited = (count: number) => (): Behaviour => {
  let taken = 0
  let shutUntil: number | undefined
  return () => {
    const now = performance.now()
    if (shutUntil !== undefined && now >= shutUntil) {
      taken = 0
      shutUntil = undefined
    }
    if (++taken <= count) return 'answer'
    shutUntil ??= now + 1_000
    return 'limit'
  }
}

export function scenarios(seed: number): readonly Scenario[] {
  const gets = { method: 'GET', together: false, patience: 10, promised: 'all-answered' } as const
  const posts = { method: 'POST', together: false, patience: 10 } as const
  return [
    {
      ...gets,
      name: '12 GETs, some connections reset',
      count: 12,
      behaviour: sometimes('reset', troubled(12, 4, seed)),
      did: 'at once',
    },
    {
      ...gets,
      name: '12 GETs, some answered 503 twice',
      count: 12,
      behaviour: sometimes('refuse', troubled(12, 3, seed + 1), 2),
      did: 'after a short, growing pause',
    },
    {
      ...gets,
      name: '9 GETs at once, 429 after the 4th',
      count: 9,
      together: true,
      behaviour: limited(4),
      did: 'after Retry-After, in turn',
    },
    {
      ...gets,
      name: '4 GETs, one never answered',
      count: 4,
      together: true,
      patience: 2,
      behaviour: sometimes('hang', troubled(4, 1, seed + 2)),
      did: 'when a second had passed',
    },
    {
      ...gets,
      name: '6 GETs, some cut in mid-body',
      count: 6,
      promised: 'never-half',
      behaviour: sometimes('cut', troubled(6, 2, seed + 3)),
      did: 'nothing: broken stays visibly broken',
    },
    {
      ...posts,
      name: '5 POSTs at once, 429 after the 3rd',
      count: 5,
      together: true,
      promised: 'all-made-once',
      behaviour: limited(3),
      did: 'after Retry-After: a 429 did nothing',
    },
    {
      ...posts,
      name: '10 POSTs, some applied, then reset',
      count: 10,
      promised: 'failures-are-unknown',
      behaviour: sometimes('apply-then-reset', troubled(10, 3, seed + 4)),
      did: 'nothing: a repeat would order twice',
    },
    {
      ...posts,
      name: '10 POSTs, some answered 503',
      count: 10,
      promised: 'failures-are-theirs',
      behaviour: sometimes('refuse', troubled(10, 3, seed + 5)),
      did: 'nothing: they may have been applied',
    },
  ]
}
