import type { Change } from './store.js'

/** A key outside of those that were read would be written unguarded: a bug of the caller, told before anything is written. */
export function checkKeys(keys: readonly string[], { puts = [], deletes = [] }: Change<unknown>): void {
  const isRead = puts.every(({ key }) => keys.includes(key)) && deletes.every(key => keys.includes(key))
  if (!isRead) throw new Error('a store update may only write the keys it read')
}
