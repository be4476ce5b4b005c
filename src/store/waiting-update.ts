import { checkKeys } from './change.js'
import type { LmdbEntries } from './lmdb-entries.js'
import type { Kept } from './record.js'
import type { Change, Decide, Put } from './store.js'

/** Somebody who waits for an update. */
export type WaitingUpdate = {
  readonly keys: readonly string[]
  readonly decide: Decide<unknown>
  readonly flushed: boolean
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What became of an update, to be told when it is committed. */
export type Decided = { readonly change: Change<unknown> } | { readonly bug: unknown }

/** A key within a transaction: what the file has, and what has been made of it so far. */
type Slot = { readonly before: Kept | undefined; now: Omit<Put, 'key'> | undefined; isChanged: boolean }

/** Bytes with which a transaction has enough: until its commit it has all of them in memory, more than once. */
const ENOUGH = 1_048_576

/**
 * Several updates in one transaction: each sees what those before it changed, and what came of it all is written once.
 * Decides the first, and of the others as many as there is room for: what follows is for the next transaction. One whose `decide` throws, which is a bug of its caller, changes nothing, and the others go on.
 * @throws StoreError then the transaction must be rolled back, and none of them has happened
 */
export function decideAll(entries: LmdbEntries, updates: readonly WaitingUpdate[]): Decided[] {
  const slots = new Map<string, Slot>()
  const decided: Decided[] = []
  let bytes = 0
  for (const { keys, decide } of updates) {
    if (bytes >= ENOUGH) break
    const current = keys.map(key => {
      const { now } = slotOf(entries, slots, key)
      return now && !entries.hasEnded(now) ? now.value : undefined
    })
    const said = decisionOf(keys, decide, current)
    if ('change' in said) bytes += take(slots, said.change)
    decided.push(said)
  }
  writeAll(entries, slots)
  return decided
}

function slotOf(entries: LmdbEntries, slots: Map<string, Slot>, key: string): Slot {
  const known = slots.get(key)
  if (known !== undefined) return known
  const before = entries.kept(key)
  const slot = { before, now: before, isChanged: false }
  slots.set(key, slot)
  return slot
}

function decisionOf(keys: readonly string[], decide: Decide<unknown>, current: (Buffer | undefined)[]): Decided {
  try {
    const change = decide(current)
    checkKeys(keys, change)
    return { change }
  } catch (bug) {
    return { bug }
  }
}

/** @returns the bytes that are put */
function take(slots: ReadonlyMap<string, Slot>, { puts = [], deletes = [] }: Change<unknown>): number {
  for (const key of deletes) set(slots.get(key), undefined)
  let bytes = 0
  for (const put of puts) {
    set(slots.get(put.key), put)
    bytes += put.value.length
  }
  return bytes
}

function set(slot: Slot | undefined, now: Slot['now']): void {
  if (slot === undefined) return
  slot.now = now
  slot.isChanged = true
}

function writeAll(entries: LmdbEntries, slots: ReadonlyMap<string, Slot>): void {
  let bytes = 0
  for (const [key, { before, now, isChanged }] of slots) {
    if (!isChanged) continue
    if (now !== undefined) bytes += entries.write({ key, ...now }, before)
    else if (before !== undefined) bytes += entries.forget(key, before)
  }
  if (bytes > 0) entries.makeRoom(slots)
}
