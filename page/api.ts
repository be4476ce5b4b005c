import type { Answers as AdminAnswers } from '../src/admin/answers.js'
import type { ExchangeDetail, ExchangeView } from '../src/serving/views.js'

/** What this page reads of `GET /v1/…`; all of it is for reading only, so no token is needed. */
export type Answers = Pick<AdminAnswers, 'status' | 'routes' | 'credentials' | 'breakers' | 'ledger'>

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
