import type { ExchangeRecord } from '../exchange/record.js'
import { afterHint, backoff } from '../policy/backoff.js'
import type { Clock, Random } from '../time/clock.js'
import { type Millis, seconds } from '../time/units.js'
import type { Collector, Posted } from './collector.js'
import { envelope, type Maker } from './otlp.js'
import { randomIds } from './span-ids.js'
import { SpanQueue } from './span-queue.js'
import { spansOf } from './spans-of.js'

/** Spans in one POST, where there are as many. */
const BATCH = 512
/** How long a span may wait for others. */
const LINGER = seconds(5)
/** POSTs of one batch; meanwhile the queue fills. */
const TRIES = 5
const BACKOFF = { base: seconds(1), cap: seconds(30) }
/** Exchanges whose spans are made in one go, between which requests have their turn. */
const SLICE = 16

/** @property sample the share of exchanges without a parent that is exported: 0 to 1 */
export type ExporterSettings = {
  readonly sample: number
  readonly maker: Maker
  readonly clock: Clock
  readonly random: Random
  /** How many spans will never be exported. */
  readonly onDropped: (spans: number) => void
  /** Once when spans begin to fail, and once when they go through again (`undefined`). */
  readonly onTrouble: (why: string | undefined) => void
}

/** Sends the spans of exchanges to a collector, in batches and one POST at a time; never in anybody's way. */
export class Exporter {
  readonly #settings: ExporterSettings
  readonly #collector: Collector
  readonly #queue: SpanQueue
  readonly #ids = randomIds()
  readonly #end = new AbortController()
  #running: Promise<void> | undefined
  #cancelLinger: (() => void) | undefined
  #endWait: (() => void) | undefined
  #closing = false
  #isTroubled = false

  constructor(settings: ExporterSettings, collector: Collector) {
    this.#settings = settings
    this.#collector = collector
    this.#queue = new SpanQueue(settings.sample, settings.random)
  }

  /** An exchange is over. Runs for every request. */
  readonly add = (record: ExchangeRecord): void => {
    const dropped = this.#closing ? record.attempts.length + 1 : this.#queue.add(record)
    if (dropped > 0) this.#settings.onDropped(dropped)
    if (this.#running !== undefined || this.#queue.spans === 0) return
    if (this.#queue.spans >= BATCH) this.#start()
    else this.#cancelLinger ??= this.#settings.clock.schedule(LINGER, this.#start)
  }

  /** Sends what waits, without further tries; what is not taken by then is dropped. @param within from now */
  async close(within: Millis): Promise<void> {
    this.#closing = true
    this.#endWait?.()
    const cancel = this.#settings.clock.schedule(within, () => this.#end.abort())
    if (this.#running === undefined && this.#queue.spans > 0) this.#start()
    await this.#running
    cancel()
    this.#collector.close()
  }

  readonly #start = (): void => {
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    do await this.#export()
    while (this.#queue.spans >= BATCH || (this.#closing && this.#queue.spans > 0))
    this.#running = undefined
    if (this.#queue.spans > 0) this.#cancelLinger = this.#settings.clock.schedule(LINGER, this.#start)
  }

  async #export(): Promise<void> {
    const batch = this.#queue.take(BATCH)
    const { body, spans } = await this.#bodyOf(batch)
    for (let tries = 1; ; tries++) {
      const posted = this.#end.signal.aborted ? LATE : await this.#collector.post(body, this.#end.signal)
      if (posted.kind !== 'later' || tries === TRIES || this.#closing) return this.#settle(posted, spans)
      this.#trouble(posted.why)
      await this.#wait(posted, tries - 1)
    }
  }

  #settle(posted: Posted, spans: number): void {
    if (posted.kind === 'taken' && posted.rejected === 0) return this.#trouble(undefined)
    this.#trouble(posted.why)
    this.#settings.onDropped(posted.kind === 'taken' ? Math.min(posted.rejected, spans) : spans)
  }

  #trouble(why: string | undefined): void {
    if (this.#isTroubled === (why !== undefined)) return
    this.#isTroubled = why !== undefined
    this.#settings.onTrouble(why)
  }

  /** @param repeats made so far */
  #wait({ after }: Posted & { readonly kind: 'later' }, repeats: number): Promise<void> {
    const { clock, random } = this.#settings
    const wait = after === undefined ? backoff(repeats, BACKOFF, random) : afterHint(after, random)
    return new Promise(resolve => {
      const cancel = clock.schedule(wait, resolve)
      this.#endWait = () => {
        cancel()
        resolve()
      }
    })
  }

  async #bodyOf(batch: ReturnType<SpanQueue['take']>): Promise<{ body: string; spans: number }> {
    const { clock, maker } = this.#settings
    const wall = clock.now() - clock.monotonic()
    const [before, after] = envelope(maker)
    const slices: string[] = []
    let spans = 0
    for (let i = 0; i < batch.length; i += SLICE) {
      const made = batch.slice(i, i + SLICE).flatMap(({ record, parent }) => spansOf(record, parent, this.#ids, wall))
      spans += made.length
      slices.push(JSON.stringify(made).slice(1, -1))
      await new Promise(resolve => setImmediate(resolve))
    }
    return { body: `${before}${slices.join(',')}${after}`, spans }
  }
}

const LATE: Posted = { kind: 'refused', why: 'the daemon ended' }
