import { draw } from '../../src/bench/soak/seeded.js'

export { diceOf as seeded } from '../../src/bench/soak/seeded.js'

export const pick = <T>(random: () => number, choices: readonly T[]): T =>
  choices[Math.floor(random() * choices.length)] as T

/** What may happen next in a model test, and how often beside the rest. */
export type Op = readonly [weight: number, run: () => unknown]

/** Runs one of them, by weight. */
export async function runOne(random: () => number, ops: readonly Op[]): Promise<void> {
  await draw(random, ops)()
}
