import type { ExchangeRecord } from '../exchange/record.js'
import { readTraceParent, type TraceParent } from '../http/trace-parent.js'
import type { Random } from '../time/clock.js'

/** Spans that may wait; beyond them exchanges are dropped, and counted. */
const SPANS_MAX = 2_048

type Waiting = { readonly record: ExchangeRecord; readonly parent: TraceParent | undefined }

/** Exchanges whose spans are wanted, as they ended. Their spans are made later: this runs for every request. */
export class SpanQueue {
  readonly #sample: number
  readonly #random: Random
  #waiting: Waiting[] = []
  #spans = 0

  /** @param sample the share of exchanges without a parent that is wanted: 0 to 1 */
  constructor(sample: number, random: Random) {
    this.#sample = sample
    this.#random = random
  }

  /** Spans that wait. */
  get spans(): number {
    return this.#spans
  }

  /** @returns how many spans had no room */
  add(record: ExchangeRecord): number {
    const parent = readTraceParent(record.fields)
    // Who began the trace decided for all of it.
    if (!(parent === undefined ? this.#random() < this.#sample : parent.sampled)) return 0
    const spans = spansIn(record)
    if (this.#spans + spans > SPANS_MAX) return spans
    this.#waiting.push({ record: withoutFields(record), parent })
    this.#spans += spans
    return 0
  }

  /** The oldest ones. @param spans as many as fit, and one exchange at least */
  take(spans: number): readonly Waiting[] {
    let taken = 0
    let count = 0
    for (const { record } of this.#waiting) {
      if (count > 0 && taken + spansIn(record) > spans) break
      taken += spansIn(record)
      count++
    }
    this.#spans -= taken
    const batch = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    return batch
  }
}

/** No span says what is in a field, and a collector may be away for long: they are not kept for it. */
const withoutFields = (record: ExchangeRecord): ExchangeRecord => ({
  ...record,
  fields: [],
  attempts: record.attempts.map(attempt =>
    attempt.refused === undefined ? attempt : { ...attempt, refused: undefined },
  ),
})

const spansIn = ({ attempts }: ExchangeRecord): number => attempts.length + 1
