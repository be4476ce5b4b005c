import type { Labels, Sample } from './exposition.js'

/** How often values fell below fixed bounds. Observing allocates nothing. */
export class Histogram {
  readonly #bounds: readonly number[]
  /** One more than bounds: what is above them all. */
  readonly #counts: Float64Array
  #sum = 0

  /** @param bounds upper ones, included, ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let i = 0
    while (i < bounds.length && value > (bounds[i] as number)) i++
    this.#counts[i] = (this.#counts[i] as number) + 1
    this.#sum += value
  }

  /** Cumulative, as Prometheus counts buckets. */
  *samples(labels: Labels): Iterable<Sample> {
    let count = 0
    for (const [i, inBucket] of this.#counts.entries()) {
      count += inBucket
      const le = i < this.#bounds.length ? String(this.#bounds[i]) : '+Inf'
      yield { suffix: '_bucket', labels: { ...labels, le }, value: count }
    }
    yield { suffix: '_sum', labels, value: this.#sum }
    yield { suffix: '_count', labels, value: count }
  }
}
