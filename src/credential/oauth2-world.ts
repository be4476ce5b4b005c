import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import { directFetch } from './direct-fetch.js'
import type { OAuth2World } from './token-endpoint.js'

/** What an OAuth 2 source needs of the world. @param caFile PEM file of further roots to trust token endpoints by */
export function createOAuth2World(
  { env, clock, random }: Pick<OAuth2World, 'env' | 'clock' | 'random'>,
  caFile: string | undefined,
): OAuth2World {
  return { env, clock, random, fetch: async (url, init) => directFetch(await rootsOf(caFile))(url, init) }
}

/** Read for each call, which are rare: the file may be replaced. `undefined`: the platform's roots. */
async function rootsOf(caFile: string | undefined): Promise<readonly string[] | undefined> {
  return caFile === undefined ? undefined : [...rootCertificates, await readFile(caFile, 'utf8')]
}
