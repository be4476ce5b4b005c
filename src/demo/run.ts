import { type DaemonProcess, startDaemonProcess } from '../child/daemon-process.js'
import type { Sandbox } from '../child/sandbox.js'
import { type Api, startApi } from './api.js'
import { bookedUnits } from './books.js'
import type { Client, Reply } from './client.js'
import { type Market, openMarket } from './market.js'
import { type Tally, tally } from './promises.js'
import { type Purchases, runPurchases, shoppings } from './purchases.js'
import { type Scenario, scenarios } from './scenarios.js'

export type Row = {
  readonly name: string
  readonly without: Tally
  readonly through: Tally
  readonly did: string
  /** Attempts beyond the first, by the daemon's own log. */
  readonly repeats: number
  readonly waitedMs: number
}

export type DemoResult = {
  readonly client: string
  readonly seed: number
  readonly seconds: number
  readonly rows: readonly Row[]
  readonly purchases: readonly Purchases[]
  /** Mulligan's ledger says to the unit what left the wallet. */
  readonly booksAgree: boolean
  readonly kept: boolean
}

/** Limits short enough to be watched; everything else is as without a configuration. */
const configOf = ({ wallets, route }: Market) => `version: 1
${wallets}routes:
${route}  - name: demo
    match: { host: 127.0.0.1 }
    timeout: { total: 8s, per_try: 1s }
    retry: { attempts: 3, backoff: { base: 100ms, cap: 1s } }
`

/** Runs every scenario without mulligan and through it. @param say told what is being done */
export async function runDemo(
  sandbox: Sandbox,
  client: Client,
  seed: number,
  say: (text: string) => void,
): Promise<DemoResult> {
  const startedAt = performance.now()
  say('starting the daemon')
  const market = await openMarket(sandbox.folder)
  const daemon = await startDaemonProcess(sandbox, configOf(market))
  const runs: Run[] = []
  const played = scenarios(seed)
  const tell = counted(say, played.length + shoppings(seed).length)
  for (const scenario of played) {
    tell(scenario.name)
    const [without, through] = await Promise.all([
      play(sandbox, client, scenario, undefined),
      play(sandbox, client, scenario, daemon.url),
    ])
    runs.push({ scenario, without: without.tally, through: through.tally, host: through.host })
  }
  const purchases = await runPurchases(sandbox, client, market, { proxy: daemon.url, seed }, tell)
  await daemon.stop()
  const booked = await bookedUnits(sandbox.folder, market.rpcUrl)
  market.close()
  const rows = runs.map(run => rowOf(run, daemon))
  const booksAgree = booked === purchases.reduce((sum, { spent }) => sum + BigInt(spent), 0n)
  const kept = booksAgree && rows.every(({ through }) => through.kept) && purchases.every(purchase => purchase.kept)
  const seconds = (performance.now() - startedAt) / 1_000
  return { client: client.name, seed, seconds, rows, purchases, booksAgree, kept }
}

/** Says what is done as `3 of 12: …`. */
function counted(say: (text: string) => void, total: number): (text: string) => void {
  let done = 0
  return text => say(`${++done} of ${total}: ${text}`)
}

type Run = {
  readonly scenario: Scenario
  readonly without: Tally
  readonly through: Tally
  /** The API of the run through mulligan, as the log names it. */
  readonly host: string
}

async function play(sandbox: Sandbox, client: Client, scenario: Scenario, proxy: string | undefined) {
  const api = await startApi(scenario.behaviour())
  try {
    const replies = await callAll(sandbox, client, scenario, api, proxy)
    return { tally: tally(scenario, replies, api), host: api.host }
  } finally {
    api.close()
  }
}

async function callAll(sandbox: Sandbox, client: Client, scenario: Scenario, api: Api, proxy: string | undefined) {
  const { method, count, together, patience } = scenario
  const path = method === 'POST' ? 'orders' : 'items'
  const ask = (id: number) => {
    const call = { method, url: `${api.url}/${path}/${id}`, patience: proxy === undefined ? patience : 10 }
    return client.call(sandbox, call, proxy)
  }
  const ids = Array.from({ length: count }, (_, i) => i + 1)
  if (together) return Promise.all(ids.map(ask))
  const replies: Reply[] = []
  for (const id of ids) replies.push(await ask(id))
  return replies
}

type LoggedAttempts = readonly { readonly wait_ms: number }[]

function rowOf({ scenario, without, through, host }: Run, daemon: DaemonProcess): Row {
  const exchanges = daemon.records().filter(record => record['msg'] === 'exchange' && record['host'] === host)
  const attempts = exchanges.map(record => record['attempts'] as LoggedAttempts)
  const repeats = attempts.reduce((sum, list) => sum + list.length - 1, 0)
  const waitedMs = attempts.flat().reduce((sum, { wait_ms }) => sum + wait_ms, 0)
  return { name: scenario.name, without, through, did: scenario.did, repeats, waitedMs }
}
