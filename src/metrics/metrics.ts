import type { Refresh } from '../credential/token.js'
import type { PaymentEvent, Spend } from '../exchange/paid-request.js'
import type { ExchangeRecord } from '../exchange/record.js'
import type { Clock } from '../time/clock.js'
import type { Family, Labels, Sample } from './exposition.js'
import { OriginLabels } from './origin-labels.js'
import { processMetrics } from './process-metrics.js'
import { type Readings, readingMetrics } from './readings.js'
import { type RouteCounts, RouteMeter } from './route-meter.js'
import { OTHER, Tally } from './tally.js'

/** Reloads may bring new names for ever; those beyond so many share one meter. */
const NAMES_MAX = 1_000

const RESULTS: readonly Refresh['outcome'][] = ['ok', 'failed', 'permanent']

/** Everything that `GET /metrics` tells. It listens to the same records as the log; nobody who acts knows of it. */
export class Metrics {
  readonly #clock: Clock
  readonly #origins = new OriginLabels()
  readonly #routes = new Map<string, RouteMeter>()
  readonly #refreshes = new Map<string, Tally>()
  /** By wallet, then by symbol of the asset: atomic units. */
  readonly #spend = new Map<string, Map<string, bigint>>()
  #storeErrors = 0
  #spansDropped = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An exchange is over. Runs for every request. */
  readonly exchanged = (record: ExchangeRecord): void => {
    const meter = this.#routes.get(record.route) ?? this.#meterOf(record.route)
    meter.count(record, record.endedAt - record.startedAt)
    if (record.end === 'store_unavailable') this.#storeErrors++
  }

  /** A call to a credential's source ended. */
  readonly refreshed = ({ credential, outcome }: Refresh): void => {
    named(this.#refreshes, credential, () => new Tally(RESULTS)).add(outcome)
  }

  /** Something became of a 402, or of its payment. */
  readonly paid = ({ route, wallet, what }: PaymentEvent, spend?: Spend): void => {
    this.#meterOf(route).countPayment(what)
    if (what === 'ledger-failed') this.#storeErrors++
    if (spend === undefined) return
    const assets = named(this.#spend, wallet, () => new Map<string, bigint>())
    assets.set(spend.asset, (assets.get(spend.asset) ?? 0n) + spend.units)
  }

  /** The end of a claim or a purchase could not be written. */
  readonly storeFailed = (): void => {
    this.#storeErrors++
  }

  /** Spans that will never be exported. */
  readonly spansDropped = (count: number): void => {
    this.#spansDropped += count
  }

  /** Everything as it is now; samples are read when they are looked at. */
  families(readings: Readings): Family[] {
    return [
      ...this.#routeFamilies(),
      ...this.#otherFamilies(),
      ...readingMetrics(readings, this.#origins),
      ...processMetrics(this.#clock),
    ]
  }

  /** By route; one that nothing came for is missing. */
  counts(): Map<string, RouteCounts> {
    return new Map([...this.#routes].map(([route, meter]) => [route, meter.counts]))
  }

  *#routeFamilies(): Iterable<Family> {
    const by = (samples: (meter: RouteMeter, labels: Labels) => Iterable<Sample>) => this.#byRoute(samples)
    const requests = by((meter, labels) => meter.requests(labels))
    yield counter('mulligan_requests_total', 'Requests that are over, by what the client got.', requests)
    const seconds = by((meter, labels) => meter.seconds(labels))
    yield histogram('mulligan_request_seconds', 'From the request to the end of its answer.', seconds)
    const overhead = by((meter, labels) => meter.overhead(labels))
    yield histogram('mulligan_overhead_seconds', 'Of that, neither attempt nor wait: the cost of mulligan.', overhead)
    const attempts = by((meter, labels) => meter.attempts(labels))
    yield counter('mulligan_attempts_total', 'Attempts at upstreams, by what they gave.', attempts)
    const retries = by((meter, labels) => meter.retries(labels))
    yield counter('mulligan_retries_total', 'Attempts after the first, by why they were made.', retries)
    const waited = by((meter, labels) => meter.waited(labels))
    yield counter('mulligan_wait_seconds_total', 'Time that requests spent between attempts.', waited)
    const rescued = by((meter, labels) => meter.rescued(labels))
    yield counter('mulligan_rescued_total', 'Requests that succeeded after their first attempt had not.', rescued)
    const ends = by((meter, labels) => meter.ends(labels))
    yield counter('mulligan_ends_total', "Requests that did not end with an upstream's whole answer.", ends)
    const hints = by((meter, labels) => meter.invalidHints(labels))
    yield counter('mulligan_hints_invalid_total', 'Answers that said when to retry in words nobody can read.', hints)
    const keys = by((meter, labels) => meter.keys(labels))
    yield counter('mulligan_idempotency_total', 'Requests with an idempotency key, by what became of them.', keys)
    const payments = by((meter, labels) => meter.payments(labels))
    yield counter('mulligan_payments_total', 'What became of answers 402 and of payments.', payments)
  }

  *#byRoute(samples: (meter: RouteMeter, labels: Labels) => Iterable<Sample>): Iterable<Sample> {
    for (const [route, meter] of this.#routes) yield* samples(meter, { route })
  }

  *#otherFamilies(): Iterable<Family> {
    const refreshes = [...this.#refreshes].flatMap(([credential, results]) => [
      ...results.samples({ credential }, 'result'),
    ])
    yield counter('mulligan_credential_refreshes_total', 'Calls to sources of tokens.', refreshes)
    const spend = [...this.#spend].flatMap(([wallet, assets]) =>
      [...assets].map(([asset, value]) => ({ labels: { wallet, asset }, value })),
    )
    yield counter('mulligan_spend_units_total', 'Atomic units of an asset that payments were signed for.', spend)
    const errors = [{ labels: {}, value: this.#storeErrors }]
    yield counter('mulligan_store_errors_total', 'What a request needed and the store could not do.', errors)
    const dropped = [{ labels: {}, value: this.#spansDropped }]
    yield counter('mulligan_spans_dropped_total', 'Spans that no collector took.', dropped)
  }

  #meterOf(route: string): RouteMeter {
    return named(this.#routes, route, () => new RouteMeter())
  }
}

/** What there is under a name of the configuration; from the thousandth on all share one. */
function named<T>(known: Map<string, T>, name: string, make: () => T): T {
  const place = known.size < NAMES_MAX || known.has(name) ? name : OTHER
  const value = known.get(place) ?? make()
  known.set(place, value)
  return value
}

const counter = (name: string, help: string, samples: Iterable<Sample>): Family => ({
  name,
  help,
  type: 'counter',
  samples,
})

const histogram = (name: string, help: string, samples: Iterable<Sample>): Family => ({
  name,
  help,
  type: 'histogram',
  samples,
})
