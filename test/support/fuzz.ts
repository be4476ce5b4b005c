import { pick, seeded } from './random.js'

/** Seeded choices for one execution: the same for the same seed. */
export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  pick<T>(choices: readonly T[]): T {
    return pick(this.#random, choices)
  }

  list<T>(most: number, make: () => T, least = 0): T[] {
    return Array.from({ length: this.between(least, most) }, make)
  }

  /** Characters of an alphabet. */
  word(alphabet: string, most: number, least = 0): string {
    let text = ''
    for (let left = this.between(least, most); left > 0; left--) text += alphabet[this.below(alphabet.length)]
    return text
  }

  /** Any octets, as latin1. */
  octets(most: number): string {
    let text = ''
    for (let left = this.below(most + 1); left > 0; left--) text += String.fromCharCode(this.below(256))
    return text
  }

  /** The text with up to four places cut, overwritten or filled with one of the words or any octet. */
  mutate(text: string, words: readonly string[]): string {
    let result = text
    for (let left = this.below(5); left > 0; left--) {
      const at = this.below(result.length + 1)
      const inserted = this.chance(0.3)
        ? ''
        : this.chance(0.7)
          ? this.pick(words)
          : String.fromCharCode(this.below(256))
      result = result.slice(0, at) + inserted + result.slice(at + (this.chance(0.5) ? this.below(4) : 0))
    }
    return result
  }

  /** One of these whole, one of these damaged, words in a row, or anything. */
  from(valid: readonly string[], words: readonly string[]): string {
    const way = this.below(10)
    if (way === 0) return this.pick(valid)
    if (way < 7) return this.mutate(this.pick(valid), words)
    return way < 9 ? this.list(8, () => this.pick(words)).join('') : this.octets(20)
  }

  /** The bytes cut into pieces of their own, anywhere. */
  pieces(bytes: Buffer, most = 6): Buffer[] {
    const places = this.list(most, () => this.below(bytes.length + 1)).sort((a, b) => a - b)
    return [...places, bytes.length].map((end, i) => Buffer.from(bytes.subarray(places[i - 1] ?? 0, end)))
  }
}

/** One parser and what holds for it whatever it is given. */
export type Subject = {
  /** Its module and exports, as `http/via.ts hasVia`; several are separated by blanks. */
  readonly parser: string
  /** Names the oracle. */
  readonly promise: string
  /** Its share of all executions; what takes long gets less. */
  readonly weight: number
  /** One execution. @returns what is wrong, with the input; nothing thrown is expected but what the promise says */
  readonly run: (dice: Dice) => string | undefined
}

/** Shows an input and what it led to. */
export const wrongly = (input: unknown, ...got: readonly unknown[]): string =>
  [input, ...got].map(show).join(' gave ').slice(0, 2_000)

const show = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? String(value)

export const EXECUTIONS = Number(process.env['RUNS'] ?? 1_000_000)
export const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Runs a subject; every execution has a seed of its own. @returns the executions, or the first failure and how to see it again */
export function fuzz({ run }: Subject, executions: number, seed = SEED): number | string {
  for (let i = 0; i < executions; i++) {
    const again = `SEED=${seed + i} RUNS=1`
    try {
      const wrong = run(new Dice(seed + i))
      if (wrong !== undefined) return `${again}: ${wrong}`
    } catch (error) {
      return `${again}: throws ${error instanceof Error ? error.stack : String(error)}`
    }
  }
  return executions
}
