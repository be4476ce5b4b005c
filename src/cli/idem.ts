import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ClaimAnswer } from '../admin/answers.js'
import type { Config } from '../config/config.js'
import { suggest } from '../config/did-you-mean.js'
import { SecretError } from '../config/secret.js'
import {
  type ClaimView,
  findClaims,
  isRef,
  listClaims,
  type Resolution,
  resolveClaim,
} from '../idempotency/claim-list.js'
import { installSecret } from '../idempotency/install-secret.js'
import { openStore } from '../store/open-store.js'
import { type Store, StoreError } from '../store/store.js'
import { systemClock } from '../time/clock.js'
import { ask, tell } from './admin-client.js'
import { claimsJson, claimsTable, describeClaim } from './claim-report.js'
import { type CommandInput, UsageError } from './command.js'
import { complain } from './complain.js'
import { configOf } from './config-flags.js'
import { daemonHere, needDaemon } from './daemon-here.js'
import { createPaint } from './paint.js'
import { withDaemon } from './with-daemon.js'

const ACTIONS = ['list', 'show', 'resolve']

/** What the operator asks for, in words that fit together. */
type Asked =
  | { readonly action: 'list'; readonly onlyUncertain: boolean }
  | { readonly action: 'show'; readonly name: string }
  | { readonly action: 'resolve'; readonly name: string; readonly found: 'executed' | 'not-executed' }

/**
 * `mulligan idem`: the keys of the replay cache. A daemon that runs is asked for all; else they are read where that keeps
 * them, and so is one that is named, for the daemon does not know a key by itself. No more than 8 characters of a key
 * are ever printed.
 */
export async function run(input: CommandInput): Promise<number> {
  const asked = readWords(input)
  const { config } = await configOf(input)
  const daemon = await daemonHere(config, ['state', 'store'])
  const isMemory = config.store.kind === 'memory'
  if (daemon.kind === 'here' && (isMemory || asked.action === 'list'))
    return withDaemon(input, () => askDaemon(asked, config, input))
  if (daemon.kind !== 'here' && isMemory) return withDaemon(input, async () => needDaemon(daemon, 'keys'))
  try {
    return await withStore(config, input, store => act(asked, store, config, input))
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof SecretError)) throw error
    const isAway = error instanceof StoreError && error.trouble === 'unreachable'
    return complain(input, error.message, isAway ? 3 : 1)
  }
}

function readWords({ positionals, values }: CommandInput): Asked {
  const [action = '', name] = positionals
  const flag = (option: string) => values[option] === true
  if (!ACTIONS.includes(action)) throw new UsageError(`idem has no "${action}"${suggest(action, ACTIONS)}`)
  if ((action === 'list') !== (name === undefined)) {
    const wanted = 'needs a key, or the ref that idem list prints'
    throw new UsageError(action === 'list' ? 'idem list takes no key; see idem show' : `idem ${action} ${wanted}`)
  }
  if (action !== 'list' && flag('uncertain')) throw new UsageError('--uncertain belongs to idem list')
  const isDecided = flag('executed') || flag('not-executed')
  if (action !== 'resolve' && isDecided) throw new UsageError('--executed and --not-executed belong to idem resolve')
  if (action === 'resolve' && flag('executed') === flag('not-executed')) {
    throw new UsageError('idem resolve needs --executed or --not-executed: what did the upstream do?')
  }
  if (name === undefined) return { action: 'list', onlyUncertain: flag('uncertain') }
  if (action === 'show') return { action, name }
  return { action: 'resolve', name, found: flag('executed') ? 'executed' : 'not-executed' }
}

/** The same as below, of what the daemon tells. */
async function askDaemon(asked: Asked, { listen, state }: Config, input: CommandInput): Promise<number> {
  const { claims: told } = await ask(listen.admin, 'idempotency')
  const now = systemClock.now()
  const claims = told.map(viewOf)
  if (asked.action === 'list')
    return list(
      claims.filter(({ state }) => !asked.onlyUncertain || state === 'uncertain'),
      input,
      now,
    )
  const found = isRef(asked.name) ? claims.filter(({ ref }) => ref.startsWith(asked.name)) : []
  if (found.length === 0) return complain(input, `${NOT_THERE}; name it by its ref, as idem list prints it`, 1)
  if (asked.action === 'show') return show(found, input, now)
  const claim = theOne(found)
  if (claim === undefined) return complain(input, ambiguous(found), 1)
  const params = { ref: claim.ref }
  await tell(listen.admin, state, 'resolve', { params, body: { outcome: asked.found } })
  return report('done', claim, asked.found, input)
}

const viewOf = ({ key, status, claimed_at, expires_at, ...same }: ClaimAnswer): ClaimView => ({
  ...same,
  keyHint: key ?? '',
  status: status ?? undefined,
  claimedAt: Date.parse(claimed_at),
  expiresAt: Date.parse(expires_at),
})

/** @param task gets no store where none was ever made: looking must not make one */
async function withStore(config: Config, { io }: CommandInput, task: (store: Store | undefined) => Promise<number>) {
  const { store: settings, state, egress } = config
  if (settings.kind === 'embedded' && !existsSync(join(state, 'store'))) return task(undefined)
  const store = await openStore(settings, { state, clock: systemClock, env: io.env, caFile: egress.ca_file })
  try {
    return await task(store)
  } finally {
    await store.close()
  }
}

async function act(asked: Asked, store: Store | undefined, { state }: Config, input: CommandInput): Promise<number> {
  const now = systemClock.now()
  if (asked.action === 'list') {
    const all = store === undefined ? [] : await collect(listClaims(store, now))
    return list(all.filter(({ state }) => !asked.onlyUncertain || state === 'uncertain').sort(byAge), input, now)
  }
  const found = store && (await findClaims(store, await installSecret(store, state), now, asked.name))
  if (store === undefined || found === undefined || found.length === 0)
    return complain(input, `${NOT_THERE}, or another store has it`, 1)
  if (asked.action === 'show') return show(found.sort(byAge), input, now)
  const claim = theOne(found)
  if (claim === undefined) return complain(input, ambiguous(found), 1)
  return report(await resolveClaim(store, now, claim.ref, asked.found), claim, asked.found, input)
}

const NOT_THERE = 'there is no such key or ref: it never came, its time is over'

/** Of several, the one that waits for a decision. */
function theOne(found: readonly ClaimView[]): ClaimView | undefined {
  const wanted = found.length > 1 ? found.filter(({ state }) => state === 'uncertain') : found
  return wanted.length === 1 ? wanted[0] : undefined
}

const ambiguous = (found: readonly ClaimView[]): string =>
  `this may mean several: ${found.map(({ ref, state }) => `${ref} (${state})`).join(', ')}; name one by its ref`

async function collect(claims: AsyncIterable<ClaimView>): Promise<ClaimView[]> {
  const all: ClaimView[] = []
  for await (const claim of claims) all.push(claim)
  return all
}

const byAge = (a: ClaimView, b: ClaimView): number => a.claimedAt - b.claimedAt

function list(claims: readonly ClaimView[], { io, values }: CommandInput, now: number): number {
  const paint = createPaint(io.stdout, io.env)
  io.stdout.write(values['json'] === true ? claimsJson(claims) : claimsTable(claims, paint, now))
  return 0
}

function show(claims: readonly ClaimView[], { io, values }: CommandInput, now: number): number {
  const paint = createPaint(io.stdout, io.env)
  const text = () => claims.map(claim => describeClaim(claim, paint, now)).join('\n')
  io.stdout.write(values['json'] === true ? claimsJson(claims) : text())
  return 0
}

const RESOLVED = {
  executed: 'was executed. Who repeats it is told so; its answer is not known.',
  'not-executed': 'was not executed. The key is free: the next request with it is sent.',
} as const

function report(result: Resolution, claim: ClaimView, found: keyof typeof RESOLVED, input: CommandInput): number {
  const { stdout } = input.io
  switch (result) {
    case 'done':
      stdout.write(
        input.values['json'] === true
          ? `${JSON.stringify({ ref: claim.ref, resolved: found })}\n`
          : `${claim.ref} ${RESOLVED[found]}\n`,
      )
      return 0
    case 'settled':
      return complain(input, `${claim.ref} is ${claim.state}: there is nothing to resolve`, 1)
    case 'running':
      return complain(input, `${claim.ref} is being sent right now; wait for its end`, 1)
    case 'absent':
      return complain(input, `${claim.ref} is not there any more`, 1)
    case 'ambiguous':
      return complain(input, `${claim.ref} means several keys`, 1)
  }
}
