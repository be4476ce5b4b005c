import type { Load } from '../src/metrics/load.js'
import type { ExchangeView } from '../src/serving/views.js'
import { askExchanges } from './api.js'

/** What the daemon remembers at most. */
const HISTORY = 1_000
/** Milliseconds until the daemon is tried again: the first time, and at most. */
const AGAIN_FIRST = 500
const AGAIN_MAX = 8_000
/** A page that nobody looks at for so long costs the daemon nothing more. */
const HIDDEN_MAX = 60_000

export type StreamSink = {
  readonly onExchanges: (exchanges: readonly ExchangeView[]) => void
  /** More ended than could be told. */
  readonly onMissed: (count: number) => void
  readonly onLoad: (load: Load) => void
  readonly onState: (state: StreamState) => void
}

/** @property again Unix milliseconds of the next try */
export type StreamState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  | { readonly kind: 'asleep' }
  | { readonly kind: 'lost'; readonly again: number }

/** The daemon's exchanges as they end: what it remembers first, then what comes, for as long as somebody looks. */
export class Stream {
  readonly #hears: StreamSink
  #source: EventSource | undefined
  #pending: ReturnType<typeof setTimeout> | undefined
  #sleep: ReturnType<typeof setTimeout> | undefined
  #delay = AGAIN_FIRST

  constructor(hears: StreamSink) {
    this.#hears = hears
    document.addEventListener('visibilitychange', () => this.#look())
    // The browser tells when a network is back; waiting on would be for nothing.
    window.addEventListener('online', () => this.retry())
    this.#open()
    // It may have been opened in a tab that nobody looks at.
    this.#look()
  }

  /** At once, when the connection is lost. */
  retry(): void {
    if (this.#pending === undefined) return
    clearTimeout(this.#pending)
    this.#open()
  }

  #look(): void {
    clearTimeout(this.#sleep)
    if (document.hidden) {
      this.#sleep = setTimeout(() => this.#close({ kind: 'asleep' }), HIDDEN_MAX)
      return
    }
    if (this.#source === undefined && this.#pending === undefined) this.#open()
    else this.retry()
  }

  #open(): void {
    this.#pending = undefined
    this.#hears.onState({ kind: 'connecting' })
    const source = new EventSource('v1/events')
    this.#source = source
    // What ends while the history is on its way comes after it.
    let early: ExchangeView[] | undefined = []
    source.addEventListener('exchange', ({ data }) => {
      const exchange = JSON.parse(data) as ExchangeView
      if (early === undefined) this.#hears.onExchanges([exchange])
      else early.push(exchange)
    })
    source.addEventListener('missed', ({ data }) => this.#hears.onMissed((JSON.parse(data) as { count: number }).count))
    source.addEventListener('load', ({ data }) => this.#hears.onLoad(JSON.parse(data) as Load))
    // The browser would try again by itself, but for ever at the same pace, and not after an answer such as 503.
    source.addEventListener('error', () => this.#lost(source))
    source.addEventListener('open', () => {
      askExchanges(HISTORY)
        .then(history => {
          if (this.#source !== source) return
          this.#hears.onExchanges([...history.toReversed(), ...(early ?? [])])
          early = undefined
          this.#delay = AGAIN_FIRST
          this.#hears.onState({ kind: 'open' })
        })
        .catch(() => this.#lost(source))
    })
  }

  #lost(source: EventSource): void {
    if (this.#source !== source) return
    const delay = this.#delay
    this.#delay = Math.min(delay * 2, AGAIN_MAX)
    this.#close({ kind: 'lost', again: Date.now() + delay })
    this.#pending = setTimeout(() => this.#open(), delay)
  }

  #close(state: StreamState): void {
    clearTimeout(this.#pending)
    this.#pending = undefined
    this.#source?.close()
    this.#source = undefined
    this.#hears.onState(state)
  }
}
