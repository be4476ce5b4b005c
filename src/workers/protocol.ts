import type { Config, ListenAddress } from '../config/config.js'
import type { SourceSettings } from '../config/credential.js'
import type { Family, Sample } from '../metrics/exposition.js'
import type { Load } from '../metrics/load.js'
import type { RouteCounts } from '../metrics/route-meter.js'
import type { BreakerView, ExchangeDetail, ExchangeQuery, ExchangeView } from '../serving/views.js'
import type { Millis } from '../time/units.js'

/** What a worker begins with. */
export type Order = {
  /** In force, as far as it is for one of several. */
  readonly config: Config
  /** What all workers are called in `Via`. */
  readonly pseudonym: string
  /** Addresses of ours besides those it listens on: never dialled. */
  readonly own: readonly ListenAddress[]
  /** Somebody looks: it tells of its exchanges. */
  readonly watched: boolean
  /** Keys that were made before it came, the oldest first. @property age in milliseconds */
  readonly minted: readonly (Minted & { readonly age: number })[]
}

export type Addresses = { readonly proxy: readonly ListenAddress[]; readonly mounts: ListenAddress | undefined }

/** Metrics as they travel. */
export type PlainFamily = Omit<Family, 'samples'> & { readonly samples: readonly Sample[] }

/** What a worker is told and asked. */
export type WorkerCalls = {
  readonly start: (order: Order) => Addresses
  /** Everything of a new configuration that can fail; `commit` or `discard` follows. */
  readonly prepare: (config: Config) => void
  readonly commit: (about: undefined) => void
  readonly discard: (about: undefined) => void
  readonly own: (address: ListenAddress) => void
  readonly load: (about: undefined) => Load
  readonly metrics: (about: undefined) => readonly PlainFamily[]
  readonly counts: (about: undefined) => ReadonlyMap<string, RouteCounts>
  readonly exchanges: (query: ExchangeQuery) => readonly ExchangeView[]
  readonly exchange: (id: string) => ExchangeDetail | undefined
  readonly breakers: (about: undefined) => readonly BreakerView[]
  readonly resetBreaker: (origin: string) => boolean
  readonly watch: (watched: boolean) => void
  readonly renewed: (renewal: Renewal) => void
  readonly minted: (minted: Minted) => void
  /** @returns nothing had to be cut */
  readonly drain: (about: undefined) => boolean
}

/** What the primary is told and asked. */
export type PrimaryCalls = {
  /** It is there, and waits for `start`. */
  readonly hello: (about: undefined) => void
  readonly token: (question: TokenQuestion) => TokenAnswer
  readonly exchanges: (group: { readonly exchanges: readonly ExchangeView[]; readonly missed: number }) => void
  readonly minted: (minted: Minted) => void
}

/** @property source as the asking worker's configuration has it: a token of another source would go to the wrong upstream */
export type TokenQuestion = {
  readonly credential: string
  readonly source: SourceSettings
  /** The value that an upstream refused. */
  readonly refused: string | undefined
}

/** Or why there is none. */
export type TokenAnswer =
  | { readonly token: string; readonly generation: number; readonly expiresAt: number }
  | { readonly reason: string; readonly permanent: boolean; readonly retryAfter: Millis }

/** The primary has another token now. */
export type Renewal = { readonly credential: string; readonly generation: number }

/** A key that we made for a client's request (R11). */
export type Minted = { readonly name: string; readonly key: string }
