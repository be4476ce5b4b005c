import type { ReplaySettings } from '../policy/idempotency-settings.js'
import type { StoreError } from '../store/store.js'
import type { Millis } from '../time/units.js'
import type { Claim } from './claim.js'
import type { ClaimAbout } from './claim-record.js'
import type { StoredAnswer } from './stored-answer.js'

/** A keyed request that would go to its upstream. */
export type Asked = {
  /** From `lookupOf`: the operation (I4). */
  readonly lookup: string
  /** From `fingerprintOf`: its payload (I5). */
  readonly fingerprint: string
  /** From `bucketOf`: whose ceiling a new claim counts for (I11). */
  readonly bucket: string
  readonly about: ClaimAbout
  readonly rules: ReplaySettings
  /** What becomes of an uncertain claim (I12): `on_uncertain`, with `auto` resolved by what the upstream does. */
  readonly uncertain: 'resume' | 'block' | 'allow'
  /** Monotonic milliseconds: the exchange's deadline. */
  readonly dueAt: number
}

/** What may be done with it (I6). */
export type Opened =
  /** Send it, and tell the claim how it ended. `resumed`: it was uncertain, and may have acted before. */
  | { readonly kind: 'claimed'; readonly claim: Claim; readonly resumed: boolean }
  /** It has been answered: this goes out, marked as a replay. */
  | { readonly kind: 'replay'; readonly answer: StoredAnswer }
  /** It has just been answered to another client that asked the same; the answer is not kept, and carries no mark. */
  | { readonly kind: 'shared'; readonly answer: StoredAnswer }
  /** The key belongs to another payload (I5). */
  | { readonly kind: 'reused' }
  /** It runs; ask again later. */
  | { readonly kind: 'in-flight'; readonly retryAfter: Millis }
  /** It may have acted, and nobody knows (I12). */
  | { readonly kind: 'unknown' }
  /** It has been answered, and the answer was not kept (I10). `status` is 0 where an operator said so (I12). */
  | { readonly kind: 'no-body'; readonly status: number }
  /** Too many new claims (I11). */
  | { readonly kind: 'insert-rate'; readonly retryAfter: Millis }
  /** Nothing may be sent: whether it was sent before cannot be told. */
  | { readonly kind: 'store-failed'; readonly error: StoreError }
