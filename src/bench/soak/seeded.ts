/** Numbers in [0, 1): the same ones for the same seed (mulberry32). */
export type Dice = () => number

export function diceOf(seed: number): Dice {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A choice, and how often it is made beside the others. */
export type Weighted<T> = readonly (readonly [weight: number, choice: T])[]

/** @param choices at least one */
export function draw<T>(dice: Dice, choices: Weighted<T>): T {
  let left = dice() * choices.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, choice] of choices) {
    left -= weight
    if (left < 0) return choice
  }
  const last = choices.at(-1)
  if (last === undefined) throw new Error('nothing to choose from')
  return last[1]
}
