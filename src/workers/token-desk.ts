import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.js'
import type { Credentials } from '../credential/credentials.js'
import type { Token, Unavailable } from '../credential/token.js'
import type { TokenCache } from '../credential/token-cache.js'
import type { Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { TokenAnswer, TokenQuestion } from './protocol.js'

/** Longer than any call to a source: a worker has deadlines of its own. */
const PATIENCE = seconds(600)

/** The workers are under another configuration for a moment before or after us. */
const CHANGED: TokenAnswer = {
  reason: 'this credential has just been changed',
  permanent: false,
  retryAfter: seconds(1),
}

/** What a worker is told that needs a token. @param config in force here */
export async function tokenFor(
  { credential, source, refused }: TokenQuestion,
  credentials: Credentials | undefined,
  config: Config,
  clock: Clock,
): Promise<TokenAnswer> {
  const cache = credentials?.get(credential)?.cache
  if (cache === undefined || !isDeepStrictEqual(config.credentials[credential]?.source, source)) return CHANGED
  const result = refused === undefined ? await acquired(cache, clock) : await renewed(cache, refused, clock)
  if (!('value' in result)) {
    const { reason, permanent, retryAfter } = result
    return { reason, permanent, retryAfter }
  }
  const { value, generation } = result
  return { token: value, generation, expiresAt: cache.endsAt ?? clock.now() }
}

const acquired = (cache: TokenCache, clock: Clock): Promise<Token | Unavailable> =>
  new Promise(resolve => cache.acquire(clock.monotonic() + PATIENCE, resolve))

/** Where a renewal may not be, or fails, the refused token is still the one there is: the 401 is the client's (T4). */
async function renewed(cache: TokenCache, refused: string, clock: Clock): Promise<Token | Unavailable> {
  const token = await new Promise<Token | undefined>(resolve => {
    cache.renew({ value: refused }, clock.monotonic() + PATIENCE, resolve)
  })
  if (token !== undefined) return token
  const { usable, error, state, retryAfter } = cache.status()
  const held = usable ? cache.current() : undefined
  return held ?? { reason: error ?? 'there is no token', permanent: state === 'needs_login', retryAfter }
}
