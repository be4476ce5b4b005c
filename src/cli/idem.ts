import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.js'
import { suggest } from '../config/did-you-mean.js'
import { SecretError } from '../config/secret.js'
import { type ClaimView, findClaims, listClaims, type Resolution, resolveClaim } from '../idempotency/claim-list.js'
import { installSecret } from '../idempotency/install-secret.js'
import { openStore } from '../store/open-store.js'
import { type Store, StoreError } from '../store/store.js'
import { systemClock } from '../time/clock.js'
import { claimsJson, claimsTable, describeClaim } from './claim-report.js'
import { type CommandInput, UsageError } from './command.js'
import { configOf } from './config-flags.js'
import { createPaint } from './paint.js'

const ACTIONS = ['list', 'show', 'resolve']

/** What the operator asks for, in words that fit together. */
type Asked =
  | { readonly action: 'list'; readonly onlyUncertain: boolean }
  | { readonly action: 'show'; readonly name: string }
  | { readonly action: 'resolve'; readonly name: string; readonly found: 'executed' | 'not-executed' }

/**
 * `mulligan idem`: the keys of the replay cache, read where the daemon keeps them; it need not run. No more than 8
 * characters of a key are ever printed.
 */
export async function run(input: CommandInput): Promise<number> {
  const asked = readWords(input)
  const { config } = await configOf(input)
  if (config.store.kind === 'memory') {
    const message = 'store: memory keeps keys in the daemon, where this command cannot see them'
    throw new UsageError(`${message}; store: embedded or Redis can be looked at`)
  }
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
    return complain(input, 'there is no such key or ref: it never came, its time is over, or another store has it', 1)
  if (asked.action === 'show') return show(found.sort(byAge), input, now)
  const wanted = found.length > 1 ? found.filter(({ state }) => state === 'uncertain') : found
  const [claim] = wanted
  if (claim === undefined || wanted.length > 1) {
    const refs = found.map(({ ref, state }) => `${ref} (${state})`).join(', ')
    return complain(input, `this may mean several: ${refs}; name one by its ref`, 1)
  }
  return report(await resolveClaim(store, now, claim.ref, asked.found), claim, asked.found, input)
}

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

function complain({ io }: CommandInput, message: string, code: number): number {
  io.stderr.write(`${createPaint(io.stderr, io.env)('red', 'mulligan')}: ${message}\n`)
  return code
}
