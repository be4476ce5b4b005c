/**
 * What must outlive a request, and often the process: idempotency claims, stored answers, spend. One small interface, so
 * that the same rules hold on disk, in memory and in Redis; `test/integration/store.test.ts` is the same for all three.
 */
export type Store = {
  readonly kind: 'embedded' | 'memory' | 'redis'
  /** The value under a key; `undefined` when there is none, or its time is over. */
  readonly get: (key: string) => Promise<Buffer | undefined>
  /**
   * Reads `keys`, asks `decide`, and writes what it says: all of it or nothing, and nobody else's write lies between.
   * `decide` must be pure: where others write the same keys it may be asked again. When this resolves, a crash of the
   * process does not undo it; with `flushed` a loss of power does not either (embedded only; Redis as it is configured),
   * provided that every update of that file is: one that is not may be undone by it, or damage the file. With `atOnce`
   * it is done when the call returns (embedded and memory), and what waited with it, not only at the end of the turn.
   */
  readonly update: <T>(keys: readonly string[], decide: Decide<T>, options?: UpdateOptions) => Promise<T>
  /**
   * Calls when all that was asked for so far is written or refused: soon after this turn (embedded), before this returns
   * where nothing waits, and so in memory. Redis is not waited for: whoever asks this has something that should not hang.
   */
  readonly whenWritten: (then: () => void) => void
  /** Every entry whose key begins with `prefix`, in the order of the keys; what is written meanwhile may be missed. */
  readonly scan: (prefix: string) => AsyncIterable<readonly [key: string, value: Buffer]>
  readonly close: () => Promise<void>
}

export type UpdateOptions = { readonly flushed?: boolean; readonly atOnce?: boolean }

/** @param current the values of the keys, in their order */
export type Decide<T> = (current: readonly (Buffer | undefined)[]) => Change<T>

export type Change<T> = {
  readonly result: T
  /** Each under one of the keys that were read. */
  readonly puts?: readonly Put[]
  /** Keys to forget, of those that were read. */
  readonly deletes?: readonly string[]
}

export type Put = {
  readonly key: string
  readonly value: Buffer
  /** Unix milliseconds; `Infinity` for ever. */
  readonly expiresAt: number
  /** May be dropped, soonest expiry first, when the store is full: a comfort, not a promise. */
  readonly evictable?: boolean
}

/** full: no room, nothing was written · unreachable: asked in vain, it may or may not have been written · broken: what is there cannot be read. */
export type StoreTrouble = 'full' | 'unreachable' | 'broken'

export class StoreError extends Error {
  readonly trouble: StoreTrouble

  /** @param message names the store and what to do about it; never a value */
  constructor(trouble: StoreTrouble, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.trouble = trouble
  }
}
