import type { Family } from '../metrics/exposition.js'
import type { Load } from '../metrics/load.js'
import type { RouteCounts } from '../metrics/route-meter.js'
import type { BreakerView, ExchangeDetail, ExchangeQuery, ExchangeView } from './views.js'

/**
 * What serves, as the admin side asks it: this process, or several as one. Everything is asked of what is in memory;
 * nothing of it costs a request anything.
 */
export type Serving = {
  readonly load: () => Promise<Load>
  readonly metrics: () => Promise<readonly Family[]>
  /** By route; one that nothing came for is missing. */
  readonly counts: () => Promise<ReadonlyMap<string, RouteCounts>>
  readonly exchanges: (query: ExchangeQuery) => Promise<readonly ExchangeView[]>
  /** `undefined` when it is not over, or was too long ago. */
  readonly exchange: (id: string) => Promise<ExchangeDetail | undefined>
  readonly breakers: () => Promise<readonly BreakerView[]>
  /** Closes its breakers. @returns false when nothing is known of the origin */
  readonly resetBreaker: (origin: string) => Promise<boolean>
  /** Tells of every exchange that ends from now on. @returns ends that */
  readonly watch: (listener: ExchangeListener) => () => void
}

/** @param missed how many ended besides, more than could be told */
export type ExchangeListener = (exchanges: readonly ExchangeView[], missed: number) => void
