import type { ExchangeView } from '../src/serving/views.js'
import { type Filter, NO_FILTER } from './filter.js'

/** So many exchanges are kept; the oldest fall out. */
export const KEPT_MAX = 10_000

/** What the page knows of exchanges: in the order in which they came, each once, and which of them the filter shows. */
export class ExchangeLog {
  readonly #byId = new Map<string, ExchangeView>()
  #filter: Filter = NO_FILTER
  #shown: ExchangeView[] = []
  /** What came while it is paused, by id: a reconnect tells some of it again. */
  #held: Map<string, ExchangeView> | undefined
  #shownEver = 0
  #heldLost = 0

  /** Those of them that are new join at the end, or wait while the log is paused. */
  add(exchanges: readonly ExchangeView[]): void {
    if (this.#held !== undefined) this.#hold(this.#held, exchanges)
    else this.#take(exchanges)
  }

  get size(): number {
    return this.#byId.size
  }

  /** What the filter shows, the oldest first. */
  get shown(): readonly ExchangeView[] {
    return this.#shown
  }

  /** How many it has come to show since the filter was set: whoever looks at one of them sees how far it has moved. */
  get shownEver(): number {
    return this.#shownEver
  }

  get filter(): Filter {
    return this.#filter
  }

  set filter(filter: Filter) {
    this.#filter = filter
    this.#shown = [...this.#byId.values()].filter(filter)
    this.#shownEver = this.#shown.length
  }

  get paused(): boolean {
    return this.#held !== undefined
  }

  /** What came while it was paused. */
  get heldCount(): number {
    return (this.#held?.size ?? 0) + this.#heldLost
  }

  pause(): void {
    this.#held ??= new Map()
  }

  resume(): void {
    const held = [...(this.#held?.values() ?? [])]
    this.#held = undefined
    this.#heldLost = 0
    this.#take(held)
  }

  get(id: string): ExchangeView | undefined {
    return this.#byId.get(id)
  }

  #hold(held: Map<string, ExchangeView>, exchanges: readonly ExchangeView[]): void {
    for (const exchange of exchanges) if (!this.#byId.has(exchange.id)) held.set(exchange.id, exchange)
    for (const id of held.keys()) {
      if (held.size <= KEPT_MAX) break
      held.delete(id)
      this.#heldLost++
    }
  }

  #take(exchanges: readonly ExchangeView[]): void {
    for (const exchange of exchanges) {
      if (this.#byId.has(exchange.id)) continue
      this.#byId.set(exchange.id, exchange)
      if (!this.#filter(exchange)) continue
      this.#shown.push(exchange)
      this.#shownEver++
    }
    for (const id of this.#byId.keys()) {
      if (this.#byId.size <= KEPT_MAX) break
      this.#byId.delete(id)
    }
    const firstKept = this.#shown.findIndex(({ id }) => this.#byId.has(id))
    if (firstKept > 0) this.#shown.splice(0, firstKept)
    else if (firstKept < 0) this.#shown = []
  }
}
