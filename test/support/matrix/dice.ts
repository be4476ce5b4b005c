import { pick, seeded } from '../random.js'

/** All that chance decides of one cell; the same for the same seed. */
export type Dice = {
  readonly random: () => number
  /** 0 to `below` - 1. */
  readonly roll: (below: number) => number
  readonly pick: <T>(choices: readonly T[]) => T
  /** True once in `times`. */
  readonly once: (times: number) => boolean
}

export function diceOf(seed: number): Dice {
  const random = seeded(seed)
  const roll = (below: number) => Math.floor(random() * below)
  return { random, roll, pick: choices => pick(random, choices), once: times => roll(times) === 0 }
}

/** A number for a text, so that every cell has dice of its own. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Lets the event loop go round. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Bytes in up to five pieces, cut anywhere. */
export function inPieces(bytes: Buffer, { roll, once }: Dice): Buffer[] {
  if (bytes.length < 2 || once(3)) return [bytes]
  const cuts = Array.from({ length: 1 + roll(4) }, () => 1 + roll(bytes.length - 1)).sort((a, b) => a - b)
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length)).filter(({ length }) => length > 0)
}
