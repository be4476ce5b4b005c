import type { Got } from './answer-reader.js'
import { errandFor, nextId, type Stage, within } from './cell.js'
import { type Dice, diceOf, hashOf } from './dice.js'
import { type Errand, type Shape, WAYS, type Way } from './lanes.js'
import type { Arrival, Play } from './scripted-origin.js'

/** A fault that takes more than one request to show. */
export type Trial = {
  readonly fault: string
  readonly name: string
  /** @returns what is wrong, in words */
  readonly run: (ask: Asker) => Promise<string[]>
}

export type Asked = { readonly got: Got; readonly arrivals: readonly Arrival[]; readonly errand: Errand }

/** Asks for one trial. */
export type Asker = {
  readonly dice: Dice
  readonly seed: number
  readonly way: (n: number) => Way
  readonly errand: (shape: Shape, route: string) => Errand
  readonly ask: (shape: Shape, route: string, play: Play, more?: Partial<Errand>) => Promise<Asked>
}

/** Sizes that fit what may be kept. */
const SIZES = [0, 1, 3_000, 20_000]

/** Runs one under one seed. @returns what is wrong, in words */
export async function tryOut(stage: Stage, { fault, name, run }: Trial, seed: number): Promise<string[]> {
  const title = `${fault} ${name} · seed ${seed}`
  const dice = diceOf(hashOf(title))
  const errand: Asker['errand'] = (shape, route) =>
    errandFor(nextId(fault.slice(0, 3), shape, seed), shape, dice.pick(WAYS), route, dice, dice.pick(SIZES))
  const ask: Asker['ask'] = async (shape, route, play, more = {}) => {
    const asked = { ...errand(shape, route), ...more }
    const arrivals = stage.origin.expect(asked.id, play)
    const { got } = await stage.send(asked)
    return { got, arrivals, errand: asked }
  }
  const way = (n: number): Way => WAYS[(n + seed) % WAYS.length] ?? 'mount'
  const wrong = (await within(run({ dice, seed, way, errand, ask }), 30_000)) ?? ['it hangs']
  return wrong.map(words => `${title}: ${words}`)
}

/** The signature, key or token that each arrival carried. */
export const valuesOf = (arrivals: readonly Arrival[], name: string): string[] =>
  arrivals.flatMap(({ header }) => header(name) ?? [])

/** Bodies that are not what was sent. */
export const damaged = ({ arrivals, errand }: Asked): string[] =>
  arrivals.flatMap(({ body }) => (body === undefined || body.equals(errand.body) ? [] : ['other bytes arrived']))

/** The origin's own answer, whatever it says, as it came. */
export const given = (got: Got, status: number): string[] =>
  got.status === status && !got.broken && got.body.toString() === 'final'
    ? []
    : [`not the origin's ${status}, but ${got.status} ${JSON.stringify(got.body.toString().slice(0, 200))}`]
