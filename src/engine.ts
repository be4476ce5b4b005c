import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { LocalCa } from './certificate/local-ca.js'
import type { Config, ListenAddress } from './config/config.js'
import { isLocal } from './config/listen-address.js'
import { secretReader } from './config/secret.js'
import { trustedRoots } from './config/trusted-roots.js'
import type { Credentials } from './credential/credentials.js'
import { openCredentials, openIdempotency, openPayments, type Place } from './engine/open-parts.js'
import { BodyMemory } from './exchange/body-memory.js'
import type { Services } from './exchange/services.js'
import { makeSpillDirectory } from './exchange/spill-directory.js'
import { Unattended } from './exchange/unattended.js'
import { viaValue } from './http/via.js'
import type { Door } from './listener/admission.js'
import { createClientAccess } from './listener/client-access.js'
import { Doors } from './listener/doors.js'
import { LocalAuthority } from './listener/local-authority.js'
import { Overload } from './listener/overload.js'
import { createRules, type Rules } from './listener/rules.js'
import { toAll } from './log/all-sinks.js'
import { exportRecorder } from './log/export-line.js'
import { exchangeRecorder, type Log } from './log/log.js'
import { Metrics } from './metrics/metrics.js'
import { ExchangeHistory } from './serving/exchange-history.js'
import { localServing } from './serving/local-serving.js'
import type { Serving } from './serving/serving.js'
import { UpstreamHealths } from './state/upstream-healths.js'
import type { Store } from './store/store.js'
import { CurrentTelemetry } from './telemetry/current-telemetry.js'
import { systemClock, systemRandom, timeLeft } from './time/clock.js'
import { millis } from './time/units.js'
import { Watch } from './time/watch.js'
import { createDestinationGuard, createLoopGuard, type DestinationGuard } from './upstream/destination.js'
import { readEgressProxy } from './upstream/egress-proxy.js'
import { Upstreams } from './upstream/upstream.js'

/** 1xx answers before a final one; more is an attack or a loop. */
const INTERIM_MAX = 8

/** Whoever waits for the daemon to come up asks first; certificates are for those that come later. */
const WARM_UP_AFTER = millis(100)

/** What carries requests in one process: everything but the admin side. */
export type Engine = {
  readonly proxy: readonly ListenAddress[]
  readonly mounts: ListenAddress | undefined
  readonly serving: Serving
  /** The configuration in force. */
  readonly config: () => Config
  /** What clients of intercepted hosts must trust; `undefined` while nothing is intercepted. */
  readonly caPem: () => string | undefined
  readonly credentials: () => Credentials | undefined
  /** Where claims and purchases are; `undefined` while no route needs one. */
  readonly stores: () => { readonly claims: Store | undefined; readonly ledger: Store | undefined }
  /** Processes that should serve, and do not. */
  readonly missing: () => number
  /** What it holds right now: for tests of leaks. */
  readonly holds: () => { readonly upstreamConnections: number; readonly bodyMemory: number; readonly clients: number }
  /** Another address of ours: never dialled. */
  readonly addOwn: (address: ListenAddress) => void
  /** Everything of a new configuration that can fail. @throws as `startEngine` */
  readonly prepare: (config: Config) => Promise<Prepared>
  /** Stops accepting, and resolves when all that runs is done, or cut after `shutdown.drain`; true when nothing was cut. */
  readonly drain: () => Promise<boolean>
}

/** A configuration that waits for the word: one of both is called, once. */
export type Prepared = {
  /** It is in force for the next request, once this is over; running exchanges finish under theirs (F7). */
  readonly commit: () => void | Promise<void>
  readonly discard: () => void
}

export type Given = {
  /** The authority to vouch with, instead of the one in the state directory. */
  readonly ca?: LocalCa | undefined
  /** This process is one of several. */
  readonly place?: Place | undefined
}

/** @throws BindError, SecretError, CaError, StoreError, SignerError, ConfigError (a proxy variable), or what reading `egress.ca_file` gives */
export async function startEngine(
  config: Config,
  env: NodeJS.ProcessEnv,
  log: Log,
  { ca, place }: Given = {},
): Promise<Engine> {
  const clock = systemClock
  const own: ListenAddress[] = []
  const metrics = new Metrics(clock)
  const history = new ExchangeHistory()
  // Nobody could ask for them without an admin side.
  const isAsked = config.listen.admin !== undefined
  let rules = await readRules(config, env)
  let guard = guardFor(config, own)
  // One context for all: each dial would make its own.
  let roots = await namedRoots(config)
  let egress = await readEgressProxy(config.egress, env)
  const authority = new LocalAuthority(clock, log.logger, ca)
  const vouch = await authority.prepare(config)
  vouch()
  const spillDirectory = join(config.state, 'tmp')
  makeSpillDirectory(spillDirectory, error =>
    log.logger.warn({ path: spillDirectory, error }, 'state directory cannot be made'),
  )
  // A name, no secret.
  const run = Math.floor(systemRandom() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
  const pseudonym = place?.pseudonym ?? `mulligan-${run}`
  let count = 0
  let credentials = await openCredentials(config, env, log, metrics, place)
  let keys = await openIdempotency(config, env, log, metrics, place)
  let payments = await openPayments(config, env, log, metrics)
  const telemetry = new CurrentTelemetry({
    ...{ env, clock, random: systemRandom, instance: `mulligan-${run}` },
    onDropped: metrics.spansDropped,
    onTrouble: exportRecorder(log),
  })
  const wanted = await telemetry.prepare(config)
  wanted.commit()
  const logged = exchangeRecorder(log, clock, config.log.redact)
  const records = isAsked ? toAll(metrics.exchanged, history.add, logged) : logged
  let record = toAll(records, telemetry.record)
  const services: Services = {
    clock,
    random: systemRandom,
    watch: new Watch(clock),
    upstreams: new Upstreams({
      clock,
      guard: (address, port, asked) => guard(address, port, asked),
      loopGuard: createLoopGuard(() => own),
      egress: () => egress,
      via: viaValue(pseudonym, '1.1'),
      secureContext: () => {
        roots ??= createSecureContext()
        return roots
      },
      h2: () => rules.config.egress.h2,
      limits: { headBytes: config.limits.header_bytes, interimMax: INTERIM_MAX },
    }),
    healths: new UpstreamHealths(clock),
    credential: name => credentials?.get(name),
    get idempotency() {
      return keys?.idempotency
    },
    get payments() {
      return payments?.payments
    },
    unattended: new Unattended(),
    running: { exchanges: 0, tunnels: 0 },
    bodyMemory: new BodyMemory(config.limits.body_memory_total),
    spillDirectory,
    pseudonym,
    newId: () => `${run}-${(++count).toString(36)}`,
    get record() {
      return record
    },
  }
  const overload = new Overload(clock, () => rules.config.limits, log.logger)
  const doors = new Doors(
    {
      services,
      rules: () => rules,
      overload,
      draining: () => doors.draining,
      closes: () => doors.draining || overload.closes,
      tlsEnd: () => authority.tlsEnd,
    },
    log.logger,
  )
  const { proxy, mounts } = await openDoors(doors, config, place !== undefined)
  own.push(...proxy, ...(mounts ? [mounts] : []))
  const cancelWarmUp = clock.schedule(WARM_UP_AFTER, () => authority.warmUp())
  credentials?.warmUp()
  return {
    proxy,
    mounts,
    serving: localServing({
      services,
      doors,
      overload,
      history,
      metrics,
      config: () => rules.config,
      credentials: () => (place === undefined ? (credentials?.statuses() ?? []) : []),
    }),
    config: () => rules.config,
    caPem: () => authority.pem,
    credentials: () => credentials,
    stores: () => ({ claims: keys?.store, ledger: payments?.store }),
    missing: () => 0,
    holds: () => ({
      upstreamConnections: services.upstreams.open,
      bodyMemory: services.bodyMemory.used,
      clients: doors.clients,
    }),
    addOwn: address => void own.push(address),
    prepare: async next => {
      const nextRules = await readRules(next, env)
      const nextEgress = await readEgressProxy(next.egress, env)
      const nextRoots = await namedRoots(next)
      const nextCredentials = credentials ?? (await openCredentials(next, env, log, metrics, place))
      const nextTelemetry = await telemetry.prepare(next)
      const nextVouch = await authority.prepare(next)
      keys ??= await openIdempotency(next, env, log, metrics, place)
      const paying = payments
      const nextPayments = paying === undefined ? await openPayments(next, env, log, metrics) : undefined
      const wallets = await paying?.prepare(next)
      return {
        commit: () => {
          wallets?.commit()
          nextTelemetry.commit()
          record = toAll(records, telemetry.record)
          payments ??= nextPayments
          nextVouch()
          roots = nextRoots
          guard = guardFor(next, own)
          services.upstreams.clear()
          egress = nextEgress
          if (credentials) credentials.reload(next)
          else credentials = nextCredentials
          credentials?.warmUp()
          rules = nextRules
        },
        discard: () => {
          wallets?.discard()
          nextTelemetry.discard()
          nextPayments?.close().catch(() => undefined)
        },
      }
    },
    drain: async () => {
      cancelWarmUp()
      const { drain } = rules.config.shutdown
      const cutAt = clock.monotonic() + drain
      const clean = await doors.drain(drain)
      const finished = await services.unattended.none(clock, timeLeft(clock, cutAt))
      services.upstreams.close()
      services.healths.close()
      credentials?.close()
      await keys?.close()
      await payments?.close()
      await telemetry.close(timeLeft(clock, cutAt))
      return clean && finished
    },
  }
}

/** @param shared others listen there, too */
async function openDoors(doors: Doors, { listen }: Config, shared: boolean): Promise<Pick<Engine, 'proxy' | 'mounts'>> {
  const proxy: ListenAddress[] = []
  for (const address of listen.proxy) {
    proxy.push(await doors.open(doorAt(address, true, listen.mounts === 'same'), shared))
  }
  if (listen.mounts === 'same') return { proxy, mounts: undefined }
  return { proxy, mounts: await doors.open(doorAt(listen.mounts, false, true), shared) }
}

const doorAt = (address: ListenAddress, forward: boolean, mounts: boolean): Door => ({
  address,
  isLocal: isLocal(address),
  forward,
  mounts,
})

async function readRules(config: Config, env: NodeJS.ProcessEnv): Promise<Rules> {
  const { auth, allow_from } = config.listen
  const read = (ref: Parameters<typeof secretReader>[0]) => secretReader(ref, env)()
  const credential = auth && `${await read(auth.username)}:${await read(auth.password)}`
  return createRules(config, createClientAccess(credential, allow_from))
}

function guardFor({ egress, routes }: Config, own: readonly ListenAddress[]): DestinationGuard {
  const named = new Set(routes.flatMap(({ match, upstream }) => [match.host, ...(upstream ? [upstream.host] : [])]))
  return createDestinationGuard(egress.deny, () => own, named)
}

/** The platform's roots, and those of `egress.ca_file`; `undefined` without a file: the platform's alone are made at the first dial. */
async function namedRoots({ egress }: Config): Promise<SecureContext | undefined> {
  const ca = await trustedRoots(egress.ca_file)
  return ca && createSecureContext({ ca: [...ca] })
}
