import { createHash } from 'node:crypto'
import type { SecretRef } from '../config/config.js'
import type { OAuth2Settings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import { SecretError, secretReader } from '../config/secret.js'
import { SourceError } from './source.js'

/** Reads a secret of the configuration. @throws SourceError */
export async function readSecret(ref: SecretRef, env: Env): Promise<string> {
  try {
    return await secretReader(ref, env)()
  } catch (error) {
    if (error instanceof SecretError) throw new SourceError(error.message, false)
    throw error
  }
}

/** What a block asks for besides its grant. */
export function wanted({ params, scope, audience }: OAuth2Settings): Record<string, string> {
  return { ...params, ...(scope === undefined ? {} : { scope }), ...(audience === undefined ? {} : { audience }) }
}

/** An endpoint as messages name it: no user information, no query. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** A fingerprint of several texts together, hex. */
export const printOf = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex')
