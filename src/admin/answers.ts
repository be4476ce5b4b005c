import type { CredentialStatus } from '../credential/credentials.js'
import type { PurchaseState } from '../ledger/purchase-record.js'
import type { Load } from '../metrics/load.js'
import type { BreakerView, ExchangeDetail, ExchangeView, RouteView } from '../serving/views.js'

/** What each operation of the admin side answers, by its name; in words as `serving/views.ts` says. */
export type Answers = {
  readonly health: { readonly status: 'ok' }
  readonly readiness: ReadinessAnswer
  readonly status: StatusAnswer
  readonly routes: { readonly routes: readonly RouteView[] }
  /** As `mulligan check --json` prints it: without secrets. */
  readonly config: { readonly config: Readonly<Record<string, unknown>> }
  readonly exchanges: { readonly exchanges: readonly ExchangeView[] }
  readonly exchange: ExchangeDetail
  readonly credentials: { readonly credentials: readonly CredentialAnswer[] }
  readonly breakers: { readonly breakers: readonly BreakerView[] }
  readonly ledger: LedgerAnswer
  readonly idempotency: { readonly claims: readonly ClaimAnswer[] }
  readonly reload: ReloadAnswer
  readonly drain: { readonly draining: true }
  readonly refresh: { readonly credential: CredentialAnswer }
  readonly resetBreaker: { readonly origin: string; readonly reset: true }
  readonly resolve: { readonly ref: string; readonly resolved: Resolved }
}

/** Why it is not ready, a sentence each; none when it is. */
export type ReadinessAnswer = {
  readonly status: 'ready' | 'not-ready' | 'draining'
  readonly problems: readonly string[]
}

/** As long as the configuration at most, and without any secret (T8). */
export type StatusAnswer = {
  readonly version: string
  readonly pid: number
  readonly uptime_s: number
  readonly workers: number
  readonly draining: boolean
  readonly ready: boolean
  readonly problems: readonly string[]
  readonly proxy: readonly string[]
  /** An address, or `same`. */
  readonly mounts: string
  readonly load: Load
  readonly credentials: readonly CredentialAnswer[]
}

export type CredentialAnswer = {
  readonly name: string
  readonly source: string
  readonly state: CredentialStatus['state']
  /** There is a token that goes with requests. */
  readonly usable: boolean
  readonly generation: number
  /** The first 8 hex digits of its SHA-256, as in the log. */
  readonly token: string | null
  /** RFC 3339; `null` when there is no token, or its source does not say. */
  readonly expires_at: string | null
  readonly age_s: number | null
  /** Until the source may be asked again. */
  readonly retry_after_s: number
  readonly error: string | null
}

export type LedgerAnswer = LedgerView & { readonly limits: readonly LimitView[] }

/** What was paid, and what that comes to: as `mulligan ledger --json` prints it. */
export type LedgerView = { readonly payments: readonly PaymentView[]; readonly totals: readonly TotalView[] }

/** Amounts are in atomic units, here and below. */
export type PaymentView = {
  readonly id: string
  readonly time: string
  readonly state: PurchaseState
  readonly route: string
  readonly wallet: string
  readonly client: string | null
  readonly resource: string
  readonly network: string
  readonly asset: string
  readonly symbol: string
  readonly decimals: number
  readonly amount: string
  readonly pay_to: string
  readonly payer: string | null
  readonly nonce: string | null
  readonly identifier: string | null
  readonly valid_before: string | null
  readonly transaction: string | null
  readonly status: number | null
  readonly attempts: number
  readonly proven: boolean
}

/** By route, wallet and asset. */
export type TotalView = {
  readonly route: string
  readonly wallet: string
  readonly network: string
  readonly symbol: string
  readonly decimals: number
  readonly payments: number
  readonly signed: string
  readonly settled: string
  readonly open: string
  readonly undelivered: string
}

/** What a wallet may spend in a window, and has; what is reserved counts as spent. */
export type LimitView = {
  readonly wallet: string
  readonly window: 'hour' | 'day' | 'total'
  readonly symbol: string
  readonly decimals: number
  readonly limit: string
  readonly spent: string
}

/** As `mulligan idem list --json` prints it. */
export type ClaimAnswer = {
  readonly ref: string
  readonly state: 'in-flight' | 'completed' | 'no-body' | 'uncertain'
  readonly route: string
  readonly origin: string
  readonly method: string
  /** The first 8 characters of a long one. */
  readonly key: string | null
  readonly status: number | null
  readonly claimed_at: string
  readonly expires_at: string
}

/** What the upstream did with a request, as somebody found out. */
export type Resolved = 'executed' | 'not-executed'

type ReloadAnswer = {
  readonly reloaded: true
  /** Keys that changed and count only from the next start on. */
  readonly needs_restart: readonly string[]
}

/** Every refusal (RFC 9457). */
export type ProblemAnswer = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
}
