import type { Store, StoreError } from '../store/store.js'
import type { Clock } from '../time/clock.js'
import { type ClaimEnd, endClaim, keysOfEnd, undoClaim } from './claim-end.js'
import type { ClaimRecord } from './claim-record.js'
import { toStoreError } from './look.js'

/** A claim of this process, until its end is written. */
export type Held = {
  readonly owner: string
  /** `undefined`: whether it was made is not known, and nobody was told. */
  readonly record: ClaimRecord | undefined
  /** Monotonic milliseconds. */
  readonly leaseUntil: number
  /** The answer is on its way: the lease, which comes from the deadline for it, has done its duty in this process. */
  hasBegun: boolean
  /** How it ended, as long as that is being written. */
  end: ClaimEnd | undefined
  /** Why that takes so long. */
  trouble: StoreError | undefined
}

/** Writes how a claim ended, without its answer where there is no room for it. @returns why it could not; never rejects */
export async function writeEnd(
  store: Store,
  clock: Clock,
  lookup: string,
  held: Pick<Held, 'owner' | 'record'>,
  end: ClaimEnd,
): Promise<StoreError | undefined> {
  const { owner, record } = held
  try {
    await store.update(keysOfEnd(lookup), ([value]) =>
      record === undefined
        ? undoClaim(lookup, owner, value, clock.now())
        : endClaim(lookup, record, end, value, clock.now()),
    )
    return undefined
  } catch (error) {
    const known = toStoreError(error)
    if (known.trouble !== 'full' || end.kind !== 'complete' || end.answer === undefined) return known
    return writeEnd(store, clock, lookup, held, { ...end, answer: undefined })
  }
}
