/** A seeded generator of numbers in [0, 1): the same sequence for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const pick = <T>(random: () => number, choices: readonly T[]): T =>
  choices[Math.floor(random() * choices.length)] as T

/** What may happen next in a model test, and how often beside the rest. */
export type Op = readonly [weight: number, run: () => unknown]

/** Runs one of them, by weight. */
export async function runOne(random: () => number, ops: readonly Op[]): Promise<void> {
  let left = random() * ops.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, run] of ops) {
    left -= weight
    if (left < 0) return void (await run())
  }
}
