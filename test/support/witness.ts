import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import type { Store } from '../../src/store/store.js'
import type { Clock } from '../../src/time/clock.js'

/** What a process says of its store on stdout: each change just before it is made, and once it is acknowledged. */
export type Word =
  | {
      readonly change: number
      readonly puts: readonly WitnessedPut[]
      readonly deletes: readonly string[]
      now: number
    }
  | { readonly done: number; readonly now: number }
  /** Anything else that was acknowledged, or is about to be done. */
  | { readonly fact: string; readonly value: string; readonly now: number }

/** Key, print of the value, when it ends (null: never), whether it may be dropped for room. */
type WitnessedPut = readonly [key: string, print: string, expiresAt: number | null, evictable: boolean]

export const printOf = (value: Buffer): string => createHash('sha256').update(value).digest('hex').slice(0, 16)

/** Synchronous: what is said is said before what comes next. */
export function say(word: Word): void {
  writeSync(1, `${JSON.stringify(word)}\n`)
}

/** The same store; every change of it is said. */
export function witnessed(store: Store, clock: Clock): Store {
  let changes = 0
  return {
    ...store,
    update: async (keys, decide, options) => {
      const change = ++changes
      const result = await store.update(
        keys,
        current => {
          const decided = decide(current)
          const puts = (decided.puts ?? []).map(
            ({ key, value, expiresAt, evictable = false }): WitnessedPut => [
              key,
              printOf(value),
              Number.isFinite(expiresAt) ? expiresAt : null,
              evictable,
            ],
          )
          say({ change, puts, deletes: decided.deletes ?? [], now: clock.now() })
          return decided
        },
        options,
      )
      say({ done: change, now: clock.now() })
      return result
    },
  }
}

type Held = { readonly print: string; readonly expiresAt: number | null; readonly evictable: boolean }
type State = ReadonlyMap<string, Held>

/** Every state that a store was in, as its witness told, the empty one first; and the last that was acknowledged. */
export class Testimony {
  readonly #states: State[] = [new Map()]
  /** Of each change, which state it led to. */
  readonly #after = new Map<number, number>()
  acknowledged = 0
  now = 0

  hear(word: Word): void {
    this.now = Math.max(this.now, word.now)
    if ('done' in word) this.acknowledged = Math.max(this.acknowledged, this.#after.get(word.done) ?? 0)
    if (!('change' in word)) return
    const next = new Map(this.#states.at(-1))
    for (const key of word.deletes) next.delete(key)
    for (const [key, print, expiresAt, evictable] of word.puts) next.set(key, { print, expiresAt, evictable })
    this.#after.set(word.change, this.#states.push(next) - 1)
  }

  /** Which state `found` (key to print of the value) is, the latest where it may be several; -1 for none. */
  stateOf(found: ReadonlyMap<string, string>, now = this.now): number {
    return this.#states.findLastIndex(state => isOne(state, found, now))
  }

  /** What is wrong with `found` beside the last state; for a message. */
  differences(found: ReadonlyMap<string, string>): string {
    const last = this.#states.at(-1) ?? new Map<string, Held>()
    const lost = [...last].filter(([key, { evictable }]) => !evictable && !found.has(key)).map(([key]) => `-${key}`)
    const other = [...found].filter(([key, print]) => last.get(key)?.print !== print).map(([key]) => `~${key}`)
    return [...lost, ...other].join(' ')
  }
}

/** Nothing else is there, and all but what has ended or may be dropped. */
function isOne(state: State, found: ReadonlyMap<string, string>, now: number): boolean {
  const isOver = ({ expiresAt }: Held): boolean => expiresAt !== null && expiresAt <= now
  for (const [key, print] of found) {
    const held = state.get(key)
    if (held?.print !== print || isOver(held)) return false
  }
  for (const [key, held] of state) {
    if (!held.evictable && !isOver(held) && !found.has(key)) return false
  }
  return true
}
