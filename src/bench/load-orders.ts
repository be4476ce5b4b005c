import type { LoadOrder, LoadResult } from './load-process.js'

/** The load of one measurement. */
export type ObedientLoad = {
  /** Resolves when every lane has had an answer. */
  readonly prepare: () => Promise<void>
  readonly run: () => Promise<LoadResult>
  readonly close: () => void
}

/** This process makes the loads that its parent orders, one after the other, until the parent is gone. */
export function obeyOrders(make: (order: LoadOrder) => ObedientLoad): void {
  let load: ObedientLoad | undefined
  const obey = async (message: LoadOrder | 'go'): Promise<void> => {
    if (message !== 'go') {
      load = make(message)
      await load.prepare()
      process.send?.('ready')
      return
    }
    process.send?.(await load?.run())
    load?.close()
  }
  process.on('message', (message: LoadOrder | 'go') => void obey(message))
  process.on('disconnect', () => process.exit(0))
  process.send?.('ready')
}
