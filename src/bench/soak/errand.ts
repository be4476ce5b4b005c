import { type Dice, draw, type Weighted } from './seeded.js'

/** Each has an origin of its own, so that a gate or a breaker of one stands in nobody else's way. */
export const ROUTES = ['pass', 'retry', 'vendor', 'keyed', 'minted', 'mount', 'tls'] as const
export type RouteName = (typeof ROUTES)[number]

/** What the upstream does with one try. What is not an act is an answer. */
export type Act =
  | 'reset' // the head was read, nothing was done
  | 'apply-reset' // done, and its answer lost
  | 'cut' // half a body with a length, then the end
  | 'cut-chunked' // half a body in chunks, then the end
  | 'refuse' // 503 that says when, nothing was done
  | 'limit' // 429 that says when, nothing was done
  | 'fail' // done, then 500
  | 'drip' // the body in small pieces
  | 'silent' // done, and never answered
  | 'early' // 413 before the body was read, then the end
  | 'eager' // the answer before the body was read
  | 'junk' // two lengths
  | 'close' // a whole answer, then the end without a word
  | 'stray' // a whole answer, and another one that nobody asked for

/** How the client behaves. */
type Manner = 'well' | 'slow-upload' | 'leave-uploading' | 'leave-downloading' | 'never-read' | 'half-head' | 'upgrade'

export type Errand = {
  readonly route: RouteName
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly manner: Manner
  /** Bytes of the request's body; in chunks when `streamed`. */
  readonly uploads: number
  readonly streamed: boolean
  /** Bytes of the answer's body. */
  readonly answers: number
  readonly form: 'length' | 'chunked' | 'events'
  /** The client's own idempotency key, and how often it asks again with it. */
  readonly keyed: 'no' | 'once' | 'again' | 'together'
  /** The first is for the first try that reaches the upstream. */
  readonly acts: readonly Act[]
}

const WHERE: Weighted<RouteName> = [
  [12, 'pass'],
  [30, 'retry'],
  [14, 'vendor'],
  [16, 'keyed'],
  [10, 'minted'],
  [10, 'mount'],
  [8, 'tls'],
]

const METHODS: Weighted<Errand['method']> = [
  [55, 'GET'],
  [10, 'PUT'],
  [30, 'POST'],
  [5, 'DELETE'],
]

const MANNERS: Weighted<Manner> = [
  [970, 'well'],
  [6, 'slow-upload'],
  [5, 'leave-uploading'],
  [5, 'leave-downloading'],
  [1, 'never-read'],
  [5, 'half-head'],
  [8, 'upgrade'],
]

/** Of a try in trouble; about one errand in 25 meets it. */
const TROUBLE = 0.04
const ACTS: Weighted<Act> = [
  [14, 'reset'],
  [12, 'apply-reset'],
  [10, 'cut'],
  [10, 'cut-chunked'],
  [10, 'refuse'],
  [10, 'limit'],
  [6, 'fail'],
  [6, 'drip'],
  [1, 'silent'],
  [5, 'early'],
  [5, 'eager'],
  [4, 'junk'],
  [4, 'close'],
  [3, 'stray'],
]

/** Without a gate for limits: there each may be met as often as anything else. Others would stand at the gate all the time. */
export const UNGATED: ReadonlySet<RouteName> = new Set(['pass', 'minted', 'mount', 'tls'])
const THINNED = 0.9

/** These leave a connection behind that dies under the next request, which is told so where it must not be repeated. */
export const LEAVES_STALE: ReadonlySet<RouteName> = new Set(['retry', 'vendor', 'mount', 'tls'])

export function drawErrand(dice: Dice): Errand {
  const route = draw(dice, WHERE)
  const manner = draw(dice, MANNERS)
  const method = methodOf(dice, route, manner)
  const uploads = uploadOf(dice, method, manner)
  return {
    ...{ route: manner === 'upgrade' ? 'retry' : route, method, manner, uploads },
    streamed: manner === 'well' && uploads > 0 && dice() < 0.2,
    answers: answerOf(dice, manner),
    form: draw<Errand['form']>(dice, [
      [70, 'length'],
      [25, 'chunked'],
      [5, 'events'],
    ]),
    keyed: route === 'keyed' && method === 'POST' && manner === 'well' ? askedAgain(dice) : 'no',
    acts: manner === 'well' ? actsOf(dice, route, uploads) : [],
  }
}

function methodOf(dice: Dice, route: RouteName, manner: Manner): Errand['method'] {
  if (manner === 'slow-upload' || manner === 'leave-uploading') return dice() < 0.5 ? 'PUT' : 'POST'
  if (manner !== 'well') return 'GET'
  return (route === 'keyed' || route === 'minted') && dice() < 0.9 ? 'POST' : draw(dice, METHODS)
}

function uploadOf(dice: Dice, method: Errand['method'], manner: Manner): number {
  if (manner === 'leave-uploading') return 65_536 + Math.floor(dice() * 262_144)
  if (method === 'GET' || method === 'DELETE') return 0
  if (manner === 'slow-upload') return 1 + Math.floor(dice() * 4_096)
  return sizeOf(dice)
}

function answerOf(dice: Dice, manner: Manner): number {
  if (manner === 'never-read') return 4_194_304
  return manner === 'leave-downloading' ? 1_048_576 : sizeOf(dice)
}

/** Mostly small; now and then beyond what is held, and seldom beyond what is kept in memory. */
function sizeOf(dice: Dice): number {
  const most = draw(dice, [
    [90, 2_048],
    [9, 98_304],
    [1, 1_500_000],
  ] as const)
  return 1 + Math.floor(dice() * most)
}

const askedAgain = (dice: Dice): Errand['keyed'] =>
  draw<Errand['keyed']>(dice, [
    [50, 'once'],
    [30, 'again'],
    [20, 'together'],
  ])

function actsOf(dice: Dice, route: RouteName, uploads: number): readonly Act[] {
  const acts: Act[] = []
  while (acts.length < 4 && dice() < (acts.length === 0 ? TROUBLE : 0.3)) {
    const act = draw(dice, ACTS)
    const needsBody = act === 'early' || act === 'eager'
    const isStale = act === 'close' || act === 'stray'
    const closesGate = (act === 'refuse' || act === 'limit') && !UNGATED.has(route) && dice() < THINNED
    const isElsewhere = (needsBody && uploads === 0) || (isStale && !LEAVES_STALE.has(route)) || closesGate
    acts.push(isElsewhere ? 'apply-reset' : act)
  }
  return acts
}
