import type { Labels, Sample } from './exposition.js'

/** What stands for all words that have no place of their own. */
export const OTHER = 'other'

/** More than any list of ours has: a word too many is a bug of ours, and must not fill somebody's database. */
const WORDS_MAX = 128

/** Sums by one word. Every word beyond the first 128 counts as `other`. */
export class Tally {
  readonly #sums = new Map<string, number>()

  /** @param words that are told even while they are 0: an alert can then see the first one */
  constructor(words: readonly string[] = []) {
    for (const word of words) this.#sums.set(word, 0)
  }

  add(word: string, amount = 1): void {
    const sum = this.#sums.get(word)
    if (sum !== undefined || this.#sums.size < WORDS_MAX) this.#sums.set(word, (sum ?? 0) + amount)
    else this.#sums.set(OTHER, (this.#sums.get(OTHER) ?? 0) + amount)
  }

  /** @param label what the word is called */
  *samples(labels: Labels, label: string): Iterable<Sample> {
    for (const [word, value] of this.#sums) yield { labels: { ...labels, [label]: word }, value }
  }
}
