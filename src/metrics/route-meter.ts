import { type ExchangeRecord, overhead } from '../exchange/record.js'
import type { Labels, Sample } from './exposition.js'
import { Histogram } from './histogram.js'
import { outcomeWord, requestCode, requestLabels, whyWord } from './label-words.js'
import { Tally } from './tally.js'

/** In seconds: from an API next door to a model that thinks. */
const REQUEST_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const OVERHEAD_BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1]

/** What came of a route's requests since the start. */
export type RouteCounts = {
  readonly requests: number
  /** The client got an upstream's answer below 400, or a replay of one. */
  readonly succeeded: number
  /** Of those, the first attempt had not: without us they would have failed. */
  readonly rescued: number
  readonly attempts: number
  /** Between attempts, and at cooldown gates. */
  readonly waited_s: number
}

/** An answer to an earlier request is an answer. */
const GIVEN_AGAIN: ReadonlySet<string> = new Set(['replayed', 'shared'])

/** Ends that an idempotency key brought about; the record's words, and the labels'. */
const KEY_ENDS: ReadonlySet<string> = new Set([
  'replayed',
  'shared',
  'key_reused',
  'key_in_flight',
  'outcome_unknown',
  'result_unavailable',
  'insert_rate',
  'store_unavailable',
])

/** What the exchanges of one route came to. Counting a request that needed nothing special allocates nothing. */
export class RouteMeter {
  readonly #requests = new Map<number, number>()
  readonly #seconds = new Histogram(REQUEST_BOUNDS)
  readonly #overhead = new Histogram(OVERHEAD_BOUNDS)
  readonly #attempts = new Tally()
  readonly #retries = new Tally()
  readonly #waited = new Tally()
  readonly #ends = new Tally()
  readonly #keys = new Tally()
  readonly #payments = new Tally()
  #total = 0
  #succeeded = 0
  #tried = 0
  #waitedMs = 0
  #rescued = 0
  #invalidHints = 0

  /** @param duration of the whole exchange, milliseconds */
  count(record: ExchangeRecord, duration: number): void {
    const { method, status, mode, end, attempts, queued_ms, key } = record
    const code = requestCode(method, status)
    this.#total++
    if (isSuccess(record)) this.#succeeded++
    this.#requests.set(code, (this.#requests.get(code) ?? 0) + 1)
    // A tunnel lasts as long as its client likes: that says nothing about us or the upstream.
    if (mode !== 'tunnel' && mode !== 'upgrade') {
      this.#seconds.observe(duration / 1_000)
      this.#overhead.observe(overhead(attempts, duration, queued_ms) / 1_000)
    }
    this.#countAttempts(record)
    if (queued_ms > 0) this.#wait('cooldown', queued_ms)
    if (end !== undefined) this.#ends.add(end)
    if (end !== undefined && KEY_ENDS.has(end)) this.#keys.add(end)
    else if (key !== undefined && attempts.length > 0) this.#keys.add('sent')
    if (record.hints_invalid !== undefined) this.#invalidHints += record.hints_invalid
  }

  /** @param result the log's word for what became of a 402 or of its payment */
  countPayment(result: string): void {
    this.#payments.add(result)
  }

  get counts(): RouteCounts {
    return {
      requests: this.#total,
      succeeded: this.#succeeded,
      rescued: this.#rescued,
      attempts: this.#tried,
      waited_s: Math.round(this.#waitedMs) / 1_000,
    }
  }

  #wait(why: string, ms: number): void {
    this.#waitedMs += ms
    this.#waited.add(why, ms / 1_000)
  }

  #countAttempts(record: ExchangeRecord): void {
    const { attempts } = record
    this.#tried += attempts.length
    for (const { n, outcome, why, wait_ms } of attempts) {
      this.#attempts.add(outcomeWord(outcome))
      if (n < attempts.length) this.#retries.add(whyWord(why))
      if (wait_ms > 0) this.#wait(whyWord(why), wait_ms)
    }
    // An exchange that repeats does so because its first attempt did not give what the client should have.
    if (attempts.length > 1 && record.end === undefined && isSuccess(record)) this.#rescued++
  }

  *requests(labels: Labels): Iterable<Sample> {
    for (const [code, value] of this.#requests) yield { labels: { ...labels, ...requestLabels(code) }, value }
  }

  seconds(labels: Labels): Iterable<Sample> {
    return this.#seconds.samples(labels)
  }

  overhead(labels: Labels): Iterable<Sample> {
    return this.#overhead.samples(labels)
  }

  attempts(labels: Labels): Iterable<Sample> {
    return this.#attempts.samples(labels, 'outcome')
  }

  retries(labels: Labels): Iterable<Sample> {
    return this.#retries.samples(labels, 'why')
  }

  waited(labels: Labels): Iterable<Sample> {
    return this.#waited.samples(labels, 'why')
  }

  ends(labels: Labels): Iterable<Sample> {
    return this.#ends.samples(labels, 'end')
  }

  keys(labels: Labels): Iterable<Sample> {
    return this.#keys.samples(labels, 'result')
  }

  payments(labels: Labels): Iterable<Sample> {
    return this.#payments.samples(labels, 'result')
  }

  rescued(labels: Labels): Iterable<Sample> {
    return [{ labels, value: this.#rescued }]
  }

  invalidHints(labels: Labels): Iterable<Sample> {
    return [{ labels, value: this.#invalidHints }]
  }
}

const isSuccess = ({ status, end }: ExchangeRecord): boolean =>
  status > 0 && status < 400 && (end === undefined || GIVEN_AGAIN.has(end))
