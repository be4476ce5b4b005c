import { type Fetched, SourceError } from '../../src/credential/source.js'
import type { Refresh, Token, Unavailable } from '../../src/credential/token.js'
import { TokenCache } from '../../src/credential/token-cache.js'
import { seconds } from '../../src/time/units.js'
import { ManualClock } from './clock.js'
import { seeded } from './random.js'
import { TokenSource } from './token-source.js'

type Told = { result: Token | Unavailable | undefined; count: number; at: number; leave: () => void }

/** A token cache over a manual clock and a source that answers when told to. */
export class TokenRig {
  readonly clock = new ManualClock()
  readonly source = new TokenSource()
  readonly refreshes: Refresh[] = []
  readonly cache: TokenCache

  constructor(settings: Partial<ConstructorParameters<typeof TokenCache>[2]> = {}) {
    const all = { ttl: seconds(300), refresh_ahead: seconds(60), ...settings }
    this.cache = new TokenCache('api', this.source, all, this.clock, seeded(1), refresh => this.refreshes.push(refresh))
  }

  /** A token that is good for `span` seconds from now. */
  lasting(token: string, span: number): Fetched {
    return { token, expiresAt: this.clock.now() + span * 1_000 }
  }

  acquire(timeout = 10_000): Told {
    const told = this.#told()
    told.leave = this.cache.acquire(this.clock.monotonic() + timeout, result => this.#tell(told, result))
    return told
  }

  renew(rejected: Token, timeout = 10_000): Told {
    const told = this.#told()
    told.leave = this.cache.renew(rejected, this.clock.monotonic() + timeout, result => this.#tell(told, result))
    return told
  }

  /** Has the cache hold `fetched`. */
  async hold(fetched: Fetched): Promise<Token> {
    this.acquire()
    this.source.answer(fetched)
    await this.clock.advanceAsync(0)
    return this.token()
  }

  /** The token to send now. */
  token(): Token {
    const token = this.cache.current()
    if (token === undefined) throw new Error('there is no token')
    return token
  }

  #told(): Told {
    return { result: undefined, count: 0, at: Number.NaN, leave: () => undefined }
  }

  #tell(told: Told, result: Token | Unavailable | undefined): void {
    told.result = result
    told.count++
    told.at = this.clock.monotonic()
  }
}

export const DOWN = new SourceError('the endpoint answered 500', false)
export const LOGGED_OUT = new SourceError('invalid_grant', true)
