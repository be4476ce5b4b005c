import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ledgerView } from '../admin/ledger-view.js'
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
import { parseMoment } from '../time/moment.js'
import { seconds } from '../time/units.js'
import { ask } from './admin-client.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { complain } from './complain.js'
import { configOf } from './config-flags.js'
import { daemonHere, needDaemon } from './daemon-here.js'
import { describeReconciled, ledgerCsv, ledgerJson, ledgerTable, reconciledJson, type Told } from './ledger-report.js'
import { createPaint } from './paint.js'
import { progressOf } from './progress.js'
import { withDaemon } from './with-daemon.js'

/** A node that is asked about old blocks may take its time. */
const RPC_TIMEOUT = seconds(20)

/**
 * `mulligan ledger`: what was paid. A daemon that runs is asked; else it is read where that keeps it. Nothing that it
 * prints could be cashed: signed payments are not even read.
 */
export async function run(input: CommandInput): Promise<number> {
  const { config } = await configOf(input)
  const isReconcile = readAction(input)
  const filter = readFilter(input, config)
  if (!isReconcile) {
    const daemon = await daemonHere(config, ['state', 'store'])
    if (daemon.kind === 'here') return withDaemon(input, () => askLedger(config, input, filter))
    if (config.store.kind === 'memory') return withDaemon(input, async () => needDaemon(daemon, 'the ledger'))
  } else if (config.store.kind === 'memory') {
    const message = 'store: memory keeps the ledger in the daemon, where this command cannot change it'
    throw new UsageError(`${message}; store: embedded or Redis can be reconciled`)
  }
  try {
    return await withStore(config, input, store =>
      isReconcile ? reconcileAll(store, config, filter, input) : list(store, filter, input),
    )
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof SecretError || error instanceof RpcError)) throw error
    const isAway = error instanceof RpcError ? !error.refused : isUnreachable(error)
    return complain(input, error.message, isAway ? 3 : 1)
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
  const since = text === undefined ? undefined : parseMoment(text, systemClock.now())
  if (text !== undefined && since === undefined) {
    throw new UsageError(`--since takes a time such as 24h, 7d or 2026-01-31, not "${text}"`)
  }
  // One that the configuration has no more may still have paid.
  if (input.positionals.length > 0 && wallet !== undefined && !Object.hasOwn(wallets, wallet)) {
    throw new UsageError(`there is no wallet "${wallet}"${suggest(wallet, Object.keys(wallets))}`)
  }
  return { since, wallet, route: textOption(input, 'route') }
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

async function askLedger({ listen }: Config, input: CommandInput, filter: EntryFilter): Promise<number> {
  const { since, wallet, route } = filter
  const query = { since: since === undefined ? undefined : new Date(since).toISOString(), wallet, route }
  return print(await ask(listen.admin, 'ledger', { query }), input)
}

async function list(store: Store | undefined, filter: EntryFilter, input: CommandInput): Promise<number> {
  const entries: Entry[] = []
  if (store !== undefined) for await (const entry of listEntries(store, systemClock.now(), filter)) entries.push(entry)
  return print(ledgerView(entries), input)
}

function print(told: Told, { io, values }: CommandInput): number {
  if (values['json'] === true) io.stdout.write(ledgerJson(told))
  else if (values['csv'] === true) io.stdout.write(ledgerCsv(told))
  else io.stdout.write(ledgerTable(told, createPaint(io.stdout, io.env)))
  return 0
}

async function reconcileAll(
  store: Store | undefined,
  { wallets, egress }: Config,
  filter: EntryFilter,
  input: CommandInput,
): Promise<number> {
  const wanted = Object.entries(wallets).filter(([name]) => filter.wallet === undefined || name === filter.wallet)
  const able = wanted.flatMap(([name, { rpc_url }]) => (rpc_url === undefined ? [] : [[name, rpc_url] as const]))
  if (able.length === 0) throw new UsageError('ledger reconcile asks the chain: give the wallet an rpc_url')
  const ca = await trustedRoots(egress.ca_file)
  const progress = progressOf(input)
  const found: [string, Awaited<ReturnType<typeof reconcile>>][] = []
  try {
    for (const [wallet, url] of able) {
      if (store === undefined) continue
      progress.say(`asking the chain about ${wallet}`)
      const rpc = jsonRpc({ url, timeout: RPC_TIMEOUT, ca }, systemClock)
      const say = (done: number, total: number) =>
        progress.say(`${wallet}: ${done} of ${total} payments looked up`, total === 0 ? 1 : done / total)
      found.push([wallet, await reconcile(store, systemClock, rpc, { ...filter, wallet }, say)])
    }
  } finally {
    progress.done()
  }
  tellReconciled(found, store === undefined, input)
  return 0
}

function tellReconciled(
  found: readonly [string, Awaited<ReturnType<typeof reconcile>>][],
  isEmpty: boolean,
  { io, values }: CommandInput,
): void {
  if (values['json'] === true) {
    io.stdout.write(
      `${JSON.stringify(
        found.map(([wallet, result]) => reconciledJson(wallet, result)),
        undefined,
        2,
      )}\n`,
    )
    return
  }
  const paint = createPaint(io.stdout, io.env)
  for (const [wallet, result] of found) io.stdout.write(describeReconciled(wallet, result, paint))
  if (isEmpty) io.stdout.write('No payments.\n')
}
