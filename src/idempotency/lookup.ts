import { createHmac, hash } from 'node:crypto'
import { type Fields, fieldValue, fieldValues } from '../http/fields.js'

/** What makes two requests with one key the same operation, but for their payload (I4). */
export type Identity = {
  readonly route: string
  /** Scheme, host and port of the upstream. */
  readonly origin: string
  /** From `scopeOf`. */
  readonly scope: string
  readonly method: string
  /** Without the query, which the fingerprint has. */
  readonly path: string
  /** As it came. */
  readonly key: string
}

/** I4: who may share an answer with whom. @param secret of this installation, so that nobody can test keys at rest */
export const lookupOf = (secret: Buffer, { route, origin, scope, method, path, key }: Identity): string =>
  hmac(secret, ['lookup', route, origin, scope, method, path, key])

/** I11: whose ceiling a new claim counts for. @param scope from `scopeOf`: there the secret is already */
export const bucketOf = (route: string, scope: string): string =>
  hash('sha256', JSON.stringify(['bucket', route, scope]), 'hex')

/** 16 hex digits that find a key again without telling it (I13). */
export const keyPrintOf = (secret: Buffer, key: string): string => hmac(secret, ['key', key]).slice(0, 16)

/** For people: half of a key at most, and nothing of a short one. */
export const keyHintOf = (key: string): string => (key.length >= 16 ? key.slice(0, 8) : '')

/** I5: two requests with one key must agree in it. @param digest hex SHA-256 of the body's bytes, or of their canonical form */
export const fingerprintOf = (query: string, mediaType: string, kind: 'bytes' | 'jcs', digest: string): string =>
  hash('sha256', JSON.stringify([1, query, mediaType, kind, digest]), 'hex')

/** A key of ours that is the same for the same operation: 32 hex digits. @param parts what tells operations apart */
export const derivedKeyOf = (secret: Buffer, parts: readonly string[]): string =>
  hmac(secret, ['minted', ...parts]).slice(0, 32)

export type ScopeSource = {
  /** The credential that the route injects, by its name in the configuration: stable over every renewal. */
  readonly credential: string | undefined
  /** Of the client's request. */
  readonly fields: Fields
  /** `replay.scope`: lower-case names of fields that tell tenants apart. */
  readonly tenants: readonly string[]
  /** Only this machine can reach the listener. */
  readonly loopback: boolean
}

/** Where clients put what proves who they are. */
export const CREDENTIAL_FIELDS = [
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
  'x-auth-token',
  'private-token',
  'cookie',
]

/**
 * I4: for whom an answer is kept; `undefined` when that cannot be told, on a listener that others can reach: then
 * nothing may be kept, since the next caller may be somebody else.
 */
export function scopeOf(secret: Buffer, { credential, fields, tenants, loopback }: ScopeSource): string | undefined {
  const said: string[][] = []
  for (const name of credential === undefined ? [...CREDENTIAL_FIELDS, ...tenants] : tenants) {
    if (fieldValue(fields, name) !== undefined) said.push([name, ...fieldValues(fields, name)])
  }
  if (credential !== undefined) return hmac(secret, ['managed', credential, ...said])
  if (said.length > 0) return hmac(secret, ['client', ...said])
  return loopback ? 'local' : undefined
}

/** JSON keeps the parts apart: no two lists make one text. */
const hmac = (secret: Buffer, parts: readonly unknown[]): string =>
  createHmac('sha256', secret).update(JSON.stringify(parts)).digest('hex')
