import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.js'
import { packageVersion } from '../config/package-root.js'
import type { Credentials } from '../credential/credentials.js'
import { openCredentials } from '../engine/open-parts.js'
import type { Engine } from '../engine.js'
import { clearWay } from '../listener/doors.js'
import { LocalAuthority } from '../listener/local-authority.js'
import type { Log } from '../log/log.js'
import { NO_LOAD } from '../metrics/load.js'
import { Metrics } from '../metrics/metrics.js'
import type { Readings } from '../metrics/readings.js'
import { openStore } from '../store/open-store.js'
import type { Store } from '../store/store.js'
import { systemClock } from '../time/clock.js'
import { Crew } from './crew.js'
import { mergedServing } from './merged-serving.js'
import { tokenFor } from './token-desk.js'

/**
 * Several engines that are one to whoever asks: each in a process of its own, at the same port, under the same
 * configuration. This process carries no traffic; it has what they share. @throws as `startEngine`
 */
export async function startWorkers(config: Config, env: NodeJS.ProcessEnv, log: Log): Promise<Engine> {
  const clock = systemClock
  const metrics = new Metrics(clock)
  const state: { config: Config; credentials: Credentials | undefined } = { config, credentials: undefined }
  const authority = new LocalAuthority(clock, log.logger, undefined)
  // Made here, not by as many at once as there are workers.
  const vouch = await authority.prepare(config)
  vouch()
  const crew = new Crew(config, {
    env,
    clock,
    log,
    pseudonym: `mulligan-${randomBytes(4).toString('hex')}`,
    token: question => tokenFor(question, state.credentials, state.config, clock),
  })
  const open = (next: Config) =>
    openCredentials(next, env, log, metrics, undefined, ({ credential, outcome, generation }) => {
      // After the answers to those who wait for it, so that they need not ask again.
      if (outcome === 'ok') setImmediate(() => crew.renewed({ credential, generation }))
    })
  state.credentials = await open(config)
  const stores = new SharedStores(env)
  await stores.open(config)
  await clearWays(config)
  const { proxy, mounts } = await crew.start()
  state.credentials?.warmUp()
  return {
    proxy,
    mounts,
    serving: mergedServing(crew, () => metrics.families(readingsOf(state.credentials))),
    config: () => state.config,
    caPem: () => authority.pem,
    credentials: () => state.credentials,
    stores: () => stores.opened,
    missing: () => crew.missing,
    holds: () => ({ upstreamConnections: 0, bodyMemory: 0, clients: 0 }),
    addOwn: address => crew.addOwn(address),
    prepare: async next => {
      const credentials = state.credentials ?? (await open(next))
      const nextVouch = await authority.prepare(next)
      await stores.open(next)
      const prepared = await crew.prepare(next)
      return {
        commit: () => {
          state.config = next
          nextVouch()
          if (state.credentials) credentials?.reload(next)
          state.credentials = credentials
          credentials?.warmUp()
          return prepared.commit()
        },
        discard: prepared.discard,
      }
    },
    drain: async () => {
      const clean = await crew.drain(state.config.shutdown.drain)
      state.credentials?.close()
      await stores.close()
      return clean
    },
  }
}

/** A worker cannot tell who answers there: others of ours do. @throws BindError */
async function clearWays({ listen }: Config): Promise<void> {
  for (const address of [...listen.proxy, listen.mounts]) if (address !== 'same') await clearWay(address)
}

/** Of this process: tokens are had here, and nothing else happens. */
const readingsOf = (credentials: Credentials | undefined): Readings => ({
  version: packageVersion(),
  workers: 0,
  load: NO_LOAD,
  credentials: credentials?.statuses() ?? [],
  routes: [],
  healths: [],
  now: 0,
})

/** What the workers write to, for who looks at it; nothing here writes. */
class SharedStores {
  readonly #env: NodeJS.ProcessEnv
  #claims: Store | undefined
  #ledger: Store | undefined

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env
  }

  get opened(): { readonly claims: Store | undefined; readonly ledger: Store | undefined } {
    return { claims: this.#claims, ledger: this.#ledger }
  }

  /** What a route needs and is not open yet. @throws StoreError, SecretError */
  async open({ store, state, egress, routes }: Config): Promise<void> {
    const world = { state, clock: systemClock, env: this.#env, caFile: egress.ca_file }
    if (routes.some(({ idempotency }) => idempotency !== undefined)) this.#claims ??= await openStore(store, world)
    if (routes.some(({ payment }) => payment !== undefined)) {
      this.#ledger ??= await openStore(store, { ...world, name: 'ledger' })
    }
  }

  async close(): Promise<void> {
    await this.#claims?.close()
    await this.#ledger?.close()
  }
}
