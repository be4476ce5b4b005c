import type { Logger } from 'pino'
import { LeafContexts } from '../certificate/leaf-contexts.js'
import { type CaChange, type LocalCa, openCa } from '../certificate/local-ca.js'
import type { Config } from '../config/config.js'
import { interceptHosts } from '../config/interception.js'
import type { Clock } from '../time/clock.js'
import { brokenOffLog, type TlsEnd } from './tls-end.js'

const NEWS: Readonly<Record<Exclude<CaChange, 'none'>, string>> = {
  created: 'made a local CA: clients must trust it; see `mulligan env`',
  widened: 'the local CA may now vouch for more hosts: for those, clients must trust the new certificate',
}

/** The local CA and the leaves it signs, there from the moment that some route is to be intercepted. */
export class LocalAuthority {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #given: LocalCa | undefined
  readonly #onBrokenOff: TlsEnd['onBrokenOff']
  #ca: LocalCa | undefined
  #leaves: LeafContexts | undefined
  #tlsEnd: TlsEnd | undefined

  /** @param given instead of the one in the state directory */
  constructor(clock: Clock, logger: Logger, given: LocalCa | undefined) {
    this.#clock = clock
    this.#logger = logger
    this.#given = given
    this.#onBrokenOff = brokenOffLog(logger)
  }

  /** The certificate that clients must trust; undefined while none is needed. */
  get pem(): string | undefined {
    return this.#ca?.pem
  }

  /** Undefined while nothing is intercepted. */
  get tlsEnd(): TlsEnd | undefined {
    return this.#tlsEnd
  }

  /** Makes ready for a configuration. @returns puts it in force (F7) @throws CaError */
  async prepare(config: Config): Promise<() => void> {
    const hosts = interceptHosts(config)
    if (hosts?.length === 0) {
      return () => {
        this.#tlsEnd = undefined
      }
    }
    const ca = this.#given ?? (await this.#open(config.state, hosts))
    const leaves =
      this.#leaves !== undefined && ca.pem === this.#ca?.pem ? this.#leaves : new LeafContexts(ca, this.#clock)
    return () => {
      this.#ca = ca
      this.#leaves = leaves
      this.#tlsEnd = {
        contextFor: host => leaves.get(host),
        protocols: config.intercept.h2 ? ['h2', 'http/1.1'] : ['http/1.1'],
        onBrokenOff: this.#onBrokenOff,
      }
    }
  }

  /** The first leaf loads the library that makes it: better now than while a client waits. */
  warmUp(): void {
    const leaf = this.#leaves?.get(this.#ca?.hosts?.[0] ?? 'localhost')
    // What goes wrong goes wrong again for the first client, and is told then.
    if (leaf instanceof Promise) leaf.catch(() => undefined)
  }

  async #open(state: string, hosts: readonly string[] | undefined): Promise<LocalCa> {
    const { ca, change } = await openCa(state, hosts, this.#clock)
    if (change !== 'none') this.#logger.info({ fingerprint: ca.fingerprint, hosts: ca.hosts ?? 'any' }, NEWS[change])
    return ca
  }
}
