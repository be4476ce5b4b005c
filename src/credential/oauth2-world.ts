import { trustedRoots } from '../config/trusted-roots.js'
import { directFetch } from './direct-fetch.js'
import type { OAuth2World } from './token-endpoint.js'

/** What an OAuth 2 source needs of the world. @param caFile PEM file of further roots to trust token endpoints by */
export function createOAuth2World(
  { env, clock, random }: Pick<OAuth2World, 'env' | 'clock' | 'random'>,
  caFile: string | undefined,
): OAuth2World {
  // The file is read for each call, which are rare: it may be replaced.
  return { env, clock, random, fetch: async (url, init) => directFetch(await trustedRoots(caFile))(url, init) }
}
