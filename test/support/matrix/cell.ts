import type { Trip } from './client.js'
import { type Dice, diceOf, hashOf, inPieces } from './dice.js'
import { judge } from './judge.js'
import type { Errand, Shape, Way } from './lanes.js'
import type { NetworkFault } from './network-fault.js'
import { wellPlayed } from './plays.js'
import type { Arrival, ScriptedOrigin } from './scripted-origin.js'
import type { LogRecord, WatchedDaemon } from './watched-daemon.js'

/** Whatever is secret in the matrix has this in it. */
export const SECRET = /kanarie/i

/** One fault, met by one kind of request on one way, under one seed. */
export type Cell = {
  readonly fault: NetworkFault
  readonly shape: Shape
  readonly way: Way
  readonly seed: number
}

/** What came of it. */
export type Played = {
  readonly errand: Errand
  readonly trip: Trip
  readonly arrivals: readonly Arrival[]
  readonly record: LogRecord
  /** Attempts that the fault is played on, from the first on. */
  readonly times: number
  /** Every script of the origin has come to its end. */
  readonly settled: boolean
}

export type Stage = {
  readonly daemon: WatchedDaemon
  readonly origin: ScriptedOrigin
  readonly send: (errand: Errand) => Promise<Trip>
}

const SIZES = [0, 1, 3_000, 20_000, 60_000]
let count = 0

/** Plays one cell. @returns what is wrong, in words; empty when all is as it must be */
export async function playCell(stage: Stage, cell: Cell): Promise<string[]> {
  const { fault, shape, seed } = cell
  const title = `${fault.id} ${fault.name} · ${shape.name} · ${cell.way} · seed ${seed}`
  const dice = diceOf(hashOf(title))
  const errand = errandOf(cell, dice)
  const times = fault.kind === 'harmless' ? 99 : dice.pick([1, 2, 99])
  const plays: Promise<unknown>[] = []
  const arrivals = stage.origin.expect(errand.id, turn => {
    const play = turn.n <= times && fault.play !== undefined ? fault.play : wellPlayed
    const done = Promise.resolve(play(turn, dice, shape))
    plays.push(done)
    return done
  })
  if (errand.behind !== undefined) stage.origin.expect(errand.behind, turn => wellPlayed(turn, dice))
  const trip = await within(stage.send(errand), 12_000)
  if (trip === undefined) return [`${title}: no answer`]
  const record = await within(stage.daemon.exchange(errand.id), 5_000)
  if (record === undefined) return [`${title}: got ${trip.got.status}, and no record in the log`]
  const settled = (await within(Promise.all(plays), 5_000)) !== undefined
  if (trip.behind?.status === 200) await within(stage.daemon.exchange(errand.behind ?? ''), 5_000)
  stage.origin.forget(errand.id)
  const wrong = judge(cell, { errand, trip, arrivals, record, times, settled })
  return wrong.map(words => `${title} (${errand.route}, ${times} times): ${words}`)
}

function errandOf({ fault, shape, way, seed }: Cell, dice: Dice): Errand {
  const id = nextId(fault.id, shape, seed)
  const origin = dice.pick(['plain', 'secure'])
  const route = fault.route ?? (fault.slow ? `slow-${origin}` : origin)
  const plain = errandFor(id, shape, way, route, dice, dice.pick(SIZES))
  const behind = way !== 'TLS with HTTP/2' && fault.route === undefined && dice.once(4) ? `behind-${id}` : undefined
  return fault.expects
    ? { ...plain, behind, fields: [...plain.fields, ['Expect', '100-continue']] }
    : { ...plain, behind }
}

/** Unlike every other of this process. */
export const nextId = (fault: string, { name }: Shape, seed: number): string =>
  `${fault.toLowerCase()}-${name.replaceAll(' ', '-').toLowerCase()}-${seed}-${++count}`

/** A request with a secret or two, and in its body what would be another one. @param size of that */
export function errandFor(id: string, shape: Shape, way: Way, route: string, dice: Dice, size: number): Errand {
  const length = shape.framing === 'none' ? 0 : size
  const body = Buffer.alloc(length, `${id}\r\n\r\nGET /stray HTTP/1.1\r\nHost: x\r\n\r\n`)
  const own: (readonly [string, string])[] = [['Authorization', 'Bearer kanarie-own']]
  if (shape.events) own.push(['Accept', 'text/event-stream'])
  // The first eight characters may be told.
  if (shape.class === 'keyed') own.push(['Idempotency-Key', `key-${String(++count).padStart(6, '0')}-kanarie`])
  const pieces = length === 0 ? [] : inPieces(body, dice)
  return { id, shape, way, route, fields: own, body, pieces, behind: undefined, fresh: dice.once(3) }
}

/** Undefined when it takes longer: a hang is a finding, and must not hang the test. */
export async function within<T>(work: Promise<T>, limit: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), limit)
  })
  const first = await Promise.race([work, late])
  clearTimeout(timer)
  return first
}
