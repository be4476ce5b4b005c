import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.js'
import { suggest } from '../config/did-you-mean.js'
import { SecretError } from '../config/secret.js'
import { trustedRoots } from '../config/trusted-roots.js'
import { type Entry, type EntryFilter, listEntries } from '../ledger/entry.js'
import { reconcile } from '../ledger/reconcile.js'
import { jsonRpc, RpcError } from '../rpc/json-rpc.js'
import { openStore } from '../store/open-store.js'
import { type Store, StoreError } from '../store/store.js'
import { systemClock } from '../time/clock.js'
import { parseDuration, seconds } from '../time/units.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { configOf } from './config-flags.js'
import { describeReconciled, ledgerCsv, ledgerJson, ledgerTable, reconciledJson } from './ledger-report.js'
import { createPaint } from './paint.js'

/** A node that is asked about old blocks may take its time. */
const RPC_TIMEOUT = seconds(20)

/**
 * `mulligan ledger`: what was paid, read where the daemon keeps it; it need not run. Nothing that it prints could be
 * cashed: signed payments are not even read.
 */
export async function run(input: CommandInput): Promise<number> {
  const { config } = await configOf(input)
  const isReconcile = readAction(input)
  const filter = readFilter(input, config)
  if (config.store.kind === 'memory') {
    const message = 'store: memory keeps the ledger in the daemon, where this command cannot see it'
    throw new UsageError(`${message}; store: embedded or Redis can be looked at`)
  }
  try {
    return await withStore(config, input, store =>
      isReconcile ? reconcileAll(store, config, filter, input) : list(store, filter, input),
    )
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof SecretError || error instanceof RpcError)) throw error
    const isAway = error instanceof RpcError ? !error.refused : isUnreachable(error)
    input.io.stderr.write(`${createPaint(input.io.stderr, input.io.env)('red', 'mulligan')}: ${error.message}\n`)
    return isAway ? 3 : 1
  }
}

const isUnreachable = (error: Error): boolean => error instanceof StoreError && error.trouble === 'unreachable'

function readAction({ positionals, values }: CommandInput): boolean {
  const [action] = positionals
  if (action !== undefined && action !== 'reconcile') {
    throw new UsageError(`ledger has no "${action}"${suggest(action, ['reconcile'])}`)
  }
  if (values['json'] === true && values['csv'] === true) throw new UsageError('--json or --csv, not both')
  if (action !== undefined && values['csv'] === true) throw new UsageError('ledger reconcile prints text or --json')
  return action !== undefined
}

function readFilter(input: CommandInput, { wallets }: Config): EntryFilter {
  const text = textOption(input, 'since')
  const wallet = textOption(input, 'wallet')
  const since = text === undefined ? undefined : momentOf(text)
  if (text !== undefined && since === undefined) {
    throw new UsageError(`--since takes a time such as 24h, 7d or 2026-01-31, not "${text}"`)
  }
  // One that the configuration has no more may still have paid.
  if (input.positionals.length > 0 && wallet !== undefined && !Object.hasOwn(wallets, wallet)) {
    throw new UsageError(`there is no wallet "${wallet}"${suggest(wallet, Object.keys(wallets))}`)
  }
  return { since, wallet, route: textOption(input, 'route') }
}

/** Unix milliseconds. */
function momentOf(text: string): number | undefined {
  const ago = parseDuration(text)
  if (ago !== undefined) return systemClock.now() - ago
  const at = /^\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

/** @param task gets no store where none was ever made: looking must not make one */
async function withStore(config: Config, { io }: CommandInput, task: (store: Store | undefined) => Promise<number>) {
  const { store: settings, state, egress } = config
  if (settings.kind === 'embedded' && !existsSync(join(state, 'store', 'ledger.mdb'))) return task(undefined)
  const world = { state, clock: systemClock, env: io.env, caFile: egress.ca_file, name: 'ledger' }
  const store = await openStore(settings, world)
  try {
    return await task(store)
  } finally {
    await store.close()
  }
}

async function list(store: Store | undefined, filter: EntryFilter, { io, values }: CommandInput): Promise<number> {
  const entries: Entry[] = []
  if (store !== undefined) for await (const entry of listEntries(store, systemClock.now(), filter)) entries.push(entry)
  entries.sort((a, b) => (a.id < b.id ? -1 : 1))
  if (values['json'] === true) io.stdout.write(ledgerJson(entries))
  else if (values['csv'] === true) io.stdout.write(ledgerCsv(entries))
  else io.stdout.write(ledgerTable(entries, createPaint(io.stdout, io.env)))
  return 0
}

async function reconcileAll(
  store: Store | undefined,
  { wallets, egress }: Config,
  filter: EntryFilter,
  { io, values }: CommandInput,
): Promise<number> {
  const wanted = Object.entries(wallets).filter(([name]) => filter.wallet === undefined || name === filter.wallet)
  const able = wanted.flatMap(([name, { rpc_url }]) => (rpc_url === undefined ? [] : [[name, rpc_url] as const]))
  if (able.length === 0) throw new UsageError('ledger reconcile asks the chain: give the wallet an rpc_url')
  const ca = await trustedRoots(egress.ca_file)
  const paint = createPaint(io.stdout, io.env)
  const found: object[] = []
  for (const [wallet, url] of able) {
    if (store === undefined) continue
    const rpc = jsonRpc({ url, timeout: RPC_TIMEOUT, ca }, systemClock)
    const result = await reconcile(store, systemClock, rpc, { ...filter, wallet })
    if (values['json'] === true) found.push(reconciledJson(wallet, result))
    else io.stdout.write(describeReconciled(wallet, result, paint))
  }
  if (values['json'] === true) io.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`)
  else if (store === undefined) io.stdout.write('No payments.\n')
  return 0
}
