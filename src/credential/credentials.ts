import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.js'
import type { CredentialSettings, SourceSettings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import type { Injection } from '../http/injection.js'
import type { Clock, Random } from '../time/clock.js'
import { millis, seconds } from '../time/units.js'
import { openSource, warmUp } from './open-source.js'
import type { Source } from './source.js'
import type { Refresh, TokenStatus } from './token.js'
import { TokenCache } from './token-cache.js'

/** A credential as a route uses it. */
export type Credential = {
  readonly name: string
  readonly injection: Injection
  readonly on_401: 'refresh' | 'pass'
  /** It may go over plain http to other machines (T5). */
  readonly allowCleartext: boolean
  readonly cache: TokenCache
}

export type CredentialStatus = TokenStatus & { readonly name: string }

export type CredentialsWorld = {
  readonly env: Env
  readonly clock: Clock
  readonly random: Random
  /** Instead of the sources that the settings describe. */
  readonly openSource?: ((name: string, settings: SourceSettings) => Source) | undefined
  /** Told once for each call to a source that ended. */
  readonly onRefresh: (refresh: Refresh) => void
  /** What an operator must know although there is a token, such as a full disk; never a secret. */
  readonly warn: (credential: string, what: string) => void
}

/** What a token cache was made from: another one of the same makes the same tokens. */
type Origin = Pick<CredentialSettings, 'source' | 'ttl' | 'refresh_ahead' | 'min_interval'> & {
  /** Of the configuration, as far as the source reads it. */
  readonly around: { readonly state: string; readonly caFile: string | undefined } | undefined
}

type Held = { readonly credential: Credential; readonly origin: Origin }

/** One call to a program takes as long as it is given, and is then ended by itself first. */
const EXEC_GRACE = seconds(1)
const LEAST_DEADLINE = seconds(15)

/** The credentials of the configuration in force. Tokens are had when they are first needed. */
export class Credentials {
  readonly #world: CredentialsWorld
  #held: ReadonlyMap<string, Held> = new Map()

  constructor(config: Config, world: CredentialsWorld) {
    this.#world = world
    this.reload(config)
  }

  /** `undefined` when the configuration in force has none of that name. */
  get(name: string): Credential | undefined {
    return this.#held.get(name)?.credential
  }

  statuses(): CredentialStatus[] {
    return [...this.#held].map(([name, { credential }]) => ({ name, ...credential.cache.status() }))
  }

  /**
   * Asks for another token than the one at hand, as soon as its pace allows (T4).
   * @param dueAt monotonic @returns whether there is one; `undefined` when there is no credential of that name
   */
  async refresh(name: string, dueAt: number): Promise<boolean | undefined> {
    const cache = this.get(name)?.cache
    if (cache === undefined) return undefined
    const held = cache.current()
    return new Promise(resolve => {
      if (held === undefined) cache.acquire(dueAt, result => resolve('value' in result))
      else cache.renew(held, dueAt, token => resolve(token !== undefined))
    })
  }

  /**
   * Tokens outlive it where nothing that makes them has changed; what failed is asked again, because the reload may be
   * the remedy. Of caches that went, a running call still serves those who wait for it (F7).
   */
  reload(config: Config): void {
    const before = this.#held
    const entries = Object.entries(config.credentials)
    this.#held = new Map(
      entries.map(([name, settings]) => [name, this.#hold(name, settings, config, before.get(name))]),
    )
    for (const [name, { credential }] of before) {
      if (this.get(name)?.cache === credential.cache) credential.cache.retry()
      else credential.cache.retire()
    }
  }

  /** Loads now what the first token would: a client waits less, and files may run out until then. */
  warmUp(): void {
    if (this.#world.openSource === undefined) for (const { origin } of this.#held.values()) warmUp(origin.source)
  }

  close(): void {
    for (const { credential } of this.#held.values()) credential.cache.close()
  }

  #hold(name: string, settings: CredentialSettings, config: Config, before: Held | undefined): Held {
    const origin = originOf(settings, config)
    const kept = before !== undefined && isDeepStrictEqual(before.origin, origin) ? before.credential.cache : undefined
    const { inject: injection, on_401, allow_cleartext: allowCleartext } = settings
    const cache = kept ?? this.#open(name, settings, config)
    return { origin, credential: { name, injection, on_401, allowCleartext, cache } }
  }

  #open(name: string, settings: CredentialSettings, { state, egress }: Config): TokenCache {
    const { env, clock, random, onRefresh, warn } = this.#world
    const { source, ttl, refresh_ahead, min_interval: renewal_floor } = settings
    const world = { env, clock, random, state, caFile: egress.ca_file, warn: (what: string) => warn(name, what) }
    const timeout = 'exec' in source ? source.exec.timeout + EXEC_GRACE : 0
    const deadline = millis(Math.max(LEAST_DEADLINE, timeout))
    const all = { ttl, refresh_ahead, renewal_floor, deadline }
    const opened = this.#world.openSource?.(name, source) ?? openSource(name, source, world)
    return new TokenCache(name, opened, all, clock, random, onRefresh)
  }
}

function originOf({ source, ttl, refresh_ahead, min_interval }: CredentialSettings, { state, egress }: Config): Origin {
  const around = 'oauth2' in source ? { state, caFile: egress.ca_file } : undefined
  return { source, ttl, refresh_ahead, min_interval, around }
}
