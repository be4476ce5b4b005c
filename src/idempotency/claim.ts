import type { ClaimEnd } from './claim-end.js'
import type { StoredAnswer } from './stored-answer.js'

/**
 * The right to send one keyed request. Whoever holds it ends it once, when the final answer is known; what is told later
 * is ignored. It never throws: when the store fails then, the claim becomes uncertain (I12).
 */
export class Claim {
  #settle: ((end: ClaimEnd) => void) | undefined
  readonly #onBegun: () => void
  /** Calls when what was told is written, or cannot be; where that may take long, at once. */
  readonly whenWritten: (then: () => void) => void

  constructor(settle: (end: ClaimEnd) => void, onBegun: () => void, whenWritten: (then: () => void) => void) {
    this.#settle = settle
    this.#onBegun = onBegun
    this.whenWritten = whenWritten
  }

  /** Its answer is on its way, and may take as long as it takes: the deadline was for its head. */
  begin(): void {
    this.#onBegun()
  }

  /** I7: the answer that every repeat gets. @param answer `undefined` when it was too large to keep (I10) */
  complete(status: number, answer: StoredAnswer | undefined): void {
    this.#end({ kind: 'complete', status, answer })
  }

  /** The key is free again. @param shared for those who waited; without it one of them tries anew */
  release(shared: StoredAnswer | undefined): void {
    this.#end({ kind: 'release', shared })
  }

  /** It may have acted, and its answer is not known. */
  uncertain(): void {
    this.#end({ kind: 'uncertain' })
  }

  #end(end: ClaimEnd): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.(end)
  }
}
