import type { Got } from './answer-reader.js'
import { type Cell, type Played, SECRET } from './cell.js'
import type { Ending } from './network-fault.js'
import { ATTEMPTS, BODY } from './settings.js'

/** How it may end: what the client gets, and how often the origin was asked. */
type Expected = { readonly client: (got: Got) => string | undefined; readonly arrivals: readonly number[] }

/** Everything that is wrong with how a cell was played. */
export function judge(cell: Cell, played: Played): string[] {
  const { errand, trip, arrivals, record, settled } = played
  const wrong: string[] = []
  const complain = (words: string | undefined) => words !== undefined && wrong.push(words)
  const expected = endingsOf(cell, played)
  const fit = expected.find(({ client, arrivals: counts }) => !client(trip.got) && counts.includes(arrivals.length))
  if (fit === undefined) {
    const reasons = expected.map(
      ({ client, arrivals: counts }) => `${client(trip.got) ?? 'as it must'}, ${counts} times`,
    )
    complain(
      `asked ${arrivals.length} times, ${tell(trip.got)}; must be: ${reasons.join(' or: ')}; ${JSON.stringify(record['attempts'])} of ${errand.body.length}`,
    )
  }
  if (!settled) complain('the origin still waits for its connection to end')
  if (trip.behind !== undefined) {
    const other = isGood(errand.behind ?? '')(trip.behind)
    if (other !== undefined) complain(`behind it came not ${other}, but ${tell(trip.behind)}`)
  }
  for (const got of [trip.got, trip.behind]) {
    if (got !== undefined && SECRET.test(got.head + got.body.toString('latin1'))) complain('a secret in the answer')
  }
  for (const { body, header } of arrivals) {
    if (body !== undefined && !body.equals(errand.body)) complain(`${body.length} other bytes arrived`)
    if (header('idempotency-key') !== keyOf(played)) complain(`the key is ${header('idempotency-key')}`)
  }
  if (trip.got.status !== 0 && Number(record['status']) !== trip.got.status)
    complain(`the log says ${record['status']}, ${tell(trip.got)}`)
  const attempts = record['attempts'] as readonly unknown[]
  if (attempts.length < arrivals.length) complain(`the log knows ${attempts.length} attempts of ${arrivals.length}`)
  if (trip.got.broken && record['end'] === undefined) complain('the log takes a broken answer for a whole one')
  return wrong
}

const keyOf = ({ errand }: Played): string | undefined =>
  errand.fields.find(([name]) => name === 'Idempotency-Key')?.[1]

const tell = ({ status, broken, body }: Got): string =>
  `got ${status}${broken ? ' broken' : ''} ${JSON.stringify(body.toString('latin1').slice(0, 200))}`

/** The rules of R1 once more, written down for themselves. */
function endingsOf({ fault, shape }: Cell, { errand, times, record, arrivals }: Played): Expected[] {
  const good = (...counts: number[]): Expected => ({ client: isGood(errand.id), arrivals: counts })
  const { ending } = fault
  const own = (outcome: string, ...counts: number[]): Expected => ({
    client: got => (ending === undefined ? 'no such ending' : notOwn(got, ending, outcome)),
    arrivals: counts,
  })
  const passed = (...counts: number[]): Expected => ({ client: isPassed(ending?.status ?? 0), arrivals: counts })
  const attempts = (record['attempts'] as readonly unknown[]).length
  const overCaps = errand.body.length > BODY.spill
  const repeated = (last: (...counts: number[]) => Expected): Expected[] => [
    // A free repeat, of a connection that died before a byte came back, may come on top.
    times < ATTEMPTS ? good(times + 1) : last(ATTEMPTS, ATTEMPTS + 1),
    // Kept only as far as the caps: whether it was over them when the fault came is a matter of time.
    ...(overCaps ? [last(1, 2, 3), good(2, 3)] : []),
  ]
  switch (fault.kind) {
    case 'unsent':
      return attempts === ATTEMPTS ? [own('not-sent', 0)] : []
    case 'invalid':
      return attempts === 1 ? [own('not-sent', 0)] : []
    case 'shaky':
      return [good(1), ...(attempts === ATTEMPTS ? [own('not-sent', 0)] : [])]
    case 'ambiguous':
      return shape.class === 'bare' ? [own('unknown', 1)] : repeated((...counts) => own('unknown', ...counts))
    case 'stale':
      if (arrivals[0]?.onConnection === 1) return [good(1)]
      return shape.class === 'bare' ? [own('unknown', 1)] : [good(2, 3), ...(overCaps ? [own('unknown', 1)] : [])]
    case 'cut':
      return [{ client: isCut, arrivals: [1] }]
    case 'refused':
      return repeated(passed)
    case 'failed':
      return shape.class === 'safe' ? repeated(passed) : [passed(1)]
    case 'final':
      return [passed(1)]
    case 'harmless':
      return [good(1)]
  }
}

/** @returns what is wrong with it, undefined when nothing is */
export const isGood =
  (id: string) =>
  (got: Got): string | undefined =>
    got.status === 200 && !got.broken && got.body.toString().replace(/\.*$/, '') === `well ${id}`
      ? undefined
      : `the good answer for ${id}`

const isPassed =
  (status: number) =>
  (got: Got): string | undefined =>
    got.status === status && !got.broken && got.body.toString() === 'final'
      ? undefined
      : `the origin's ${status} as it came`

/** Where all of it came at once, not even the head may have left. */
const isCut = ({ status, broken }: Got): string | undefined =>
  broken && (status === 200 || status === 0) ? undefined : 'a 200 that breaks off'

/** An answer of the daemon's own, with its reason. */
function notOwn(got: Got, { status, code, error }: Ending, outcome: string | undefined): string | undefined {
  const wanted = `${status} ${code} ${error} ${outcome}`
  if (got.status !== status || got.broken) return wanted
  const problem = problemIn(got)
  const reason =
    /^mulligan;.*\berror=([a-z_]+)/.exec(got.header('proxy-status') ?? '')?.[1] ?? 'no error in Proxy-Status'
  const named = typeof error === 'string' ? reason === error : error.test(reason)
  return problem?.['code'] === code && problem['outcome'] === outcome && named ? undefined : `${wanted}, not ${reason}`
}

/** The problem document of an answer, undefined where it is none. */
export function problemIn(got: Got): Readonly<Record<string, unknown>> | undefined {
  if (!/^application\/problem\+json/.test(got.header('content-type') ?? '')) return undefined
  try {
    return JSON.parse(got.body.toString()) as Record<string, unknown>
  } catch {
    return undefined
  }
}
