import { randomBytes } from 'node:crypto'
import type { Store, StoreError } from '../store/store.js'
import type { Clock } from '../time/clock.js'
import { type ClaimEnd, endClaim, keysOfEnd, undoClaim } from './claim-end.js'
import type { Ours } from './claim-opening.js'
import { toStoreError } from './look.js'

/** A claim of this process, until its end is written. */
export type Held = {
  readonly owner: string
  /** `undefined`: whether it was made is not known, and nobody was told. */
  readonly claimed: Pick<Ours, 'record' | 'written'> | undefined
  /** Monotonic milliseconds. */
  readonly leaseUntil: number
  /** The answer is on its way: the lease, which comes from the deadline for it, has done its duty in this process. */
  hasBegun: boolean
  /** How it ended, as long as that is being written. */
  end: ClaimEnd | undefined
  /** Why that takes so long. */
  trouble: StoreError | undefined
}

/** Bytes of an owner token, and tokens' worth that are asked of the system at once: it charges by the call. */
const TOKEN = 9
const TOKENS = 256

let random = Buffer.alloc(0)

/** Never given before, and not to be guessed. */
export function newOwner(): string {
  if (random.length < TOKEN) random = randomBytes(TOKEN * TOKENS)
  const token = random.toString('base64url', 0, TOKEN)
  random = random.subarray(TOKEN)
  return token
}

/** Writes how a claim ended, without its answer where there is no room for it. @returns why it could not; never rejects */
export async function writeEnd(
  store: Store,
  clock: Clock,
  lookup: string,
  held: Pick<Held, 'owner' | 'claimed'>,
  end: ClaimEnd,
): Promise<StoreError | undefined> {
  const { owner, claimed } = held
  try {
    await store.update(keysOfEnd(lookup), ([value]) =>
      claimed === undefined
        ? undoClaim(lookup, owner, value, clock.now())
        : endClaim(lookup, claimed, end, value, clock.now()),
    )
    return undefined
  } catch (error) {
    const known = toStoreError(error)
    if (known.trouble !== 'full' || end.kind !== 'complete' || end.answer === undefined) return known
    return writeEnd(store, clock, lookup, held, { ...end, answer: undefined })
  }
}
