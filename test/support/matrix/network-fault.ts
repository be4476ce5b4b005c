import type { Dice } from './dice.js'
import type { Shape } from './lanes.js'
import type { Turn } from './scripted-origin.js'

/** How a fault must end when it is all that the client gets. */
export type Ending = { readonly status: number; readonly code: string; readonly error: string | RegExp }

/**
 * What the fault is, for R1:
 * `unsent` nothing of the request can have arrived · `invalid` likewise, and no second try can help ·
 * `shaky` likewise, and the next try may do · `ambiguous` the upstream may have acted · `stale` likewise, but only where
 * the connection was used before · `cut` the head of a good answer went out · `refused` an answer that says that it did
 * not act · `failed` one that does not say so · `final` an answer that is the client's, whatever it says · `harmless`
 * none at all, for the client
 */
export type Kind =
  | 'unsent'
  | 'invalid'
  | 'shaky'
  | 'ambiguous'
  | 'stale'
  | 'cut'
  | 'refused'
  | 'failed'
  | 'final'
  | 'harmless'

export type NetworkFault = {
  readonly id: string
  readonly name: string
  readonly kind: Kind
  readonly ending: Ending | undefined
  /** Where it plays; `plain` and `secure` by chance where nothing is said. */
  readonly route?: string
  readonly slow?: boolean
  /** Requests that it makes sense for; all of them without it. */
  readonly fits?: (shape: Shape) => boolean
  /** Not over HTTP/2. */
  readonly http1?: boolean
  readonly expects?: boolean
  /** What the origin does with one attempt; nothing where none arrives. */
  readonly play?: (turn: Turn, dice: Dice, shape: Shape) => unknown
}
