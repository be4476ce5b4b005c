import type { BreakerView, ExchangeDetail, ExchangeView, LoadView, RouteView } from '../src/serving/views.js'

/** What this page reads of `GET /v1/…`; all of it is for reading only, so no token is needed. */
export type Answers = {
  readonly status: Status
  readonly routes: { readonly routes: readonly RouteView[] }
  readonly credentials: { readonly credentials: readonly CredentialAnswer[] }
  readonly breakers: { readonly breakers: readonly BreakerView[] }
  readonly ledger: { readonly limits: readonly SpendLimit[] }
}

type Status = {
  readonly version: string
  readonly pid: number
  readonly uptime_s: number
  readonly workers: number
  readonly draining: boolean
  readonly ready: boolean
  readonly problems: readonly string[]
  readonly proxy: readonly string[]
  readonly mounts: string
  readonly load: LoadView
}

export type CredentialAnswer = {
  readonly name: string
  readonly source: string
  readonly state: 'none' | 'valid' | 'renewing' | 'cooling' | 'needs_login'
  readonly usable: boolean
  readonly generation: number
  readonly token: string | null
  readonly expires_at: string | null
  readonly retry_after_s: number
  readonly error: string | null
}

/** Amounts are in atomic units. */
export type SpendLimit = {
  readonly wallet: string
  readonly window: 'hour' | 'day' | 'total'
  readonly symbol: string
  readonly decimals: number
  readonly limit: string
  readonly spent: string
}

/** A daemon that does not answer for so long is away, in milliseconds. */
const PATIENCE = 5_000

/** @throws when there is no such answer in time */
export async function ask<Name extends keyof Answers>(name: Name, query = ''): Promise<Answers[Name]> {
  return (await read(`v1/${name}${query}`)) as Answers[Name]
}

/** The newest first. */
export async function askExchanges(limit: number): Promise<readonly ExchangeView[]> {
  const { exchanges } = (await read(`v1/exchanges?limit=${limit}`)) as { exchanges: readonly ExchangeView[] }
  return exchanges
}

/** `undefined` when the daemon has forgotten it, or cannot be asked. */
export async function askExchange(id: string): Promise<ExchangeDetail | undefined> {
  return (await read(`v1/exchanges/${encodeURIComponent(id)}`).catch(() => undefined)) as ExchangeDetail | undefined
}

async function read(path: string): Promise<unknown> {
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE) })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return response.json()
}
