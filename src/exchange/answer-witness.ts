import type { ResponseHead } from '../wire/events.js'
import type { Reached } from './respond.js'

/** Sees the one answer of an exchange on its way to the client, whether or not the client is still there. */
export type AnswerWitness = {
  /** The upstream's final head. */
  readonly begin: (head: ResponseHead) => void
  readonly data: (chunk: Buffer) => void
  /** The upstream's answer is whole. */
  readonly end: () => void
  /** It broke off. */
  readonly broke: () => void
  /** The client gets an answer of ours. @param reached whether the upstream may have acted */
  readonly refused: (reached: Reached) => void
  /** Calls when what this came to is written; there where the end of the answer must not be out before. */
  readonly whenWritten?: (then: () => void) => void
}

/** Who may come to want the answer, in the course of the exchange. */
export type Attendant = {
  /** `undefined` while nothing hangs on the answer. */
  readonly witness: AnswerWitness | undefined
  /** What `Proxy-Status` says of it. */
  readonly note?: string | undefined
}
