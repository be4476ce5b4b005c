import type { SecretRef } from './config.js'
import type { CredentialSettings, JwtSettings, OAuth2Settings, SourceSettings } from './credential.js'
import type { ConfigFile } from './schema.js'

type CredentialFile = ConfigFile['credentials'][string]
type SourceFile = CredentialFile['source']
type OAuth2File = NonNullable<SourceFile['oauth2']>

/** A validated credential. @param path makes a path of the file absolute */
export function toCredential(
  { source, ...settings }: CredentialFile,
  path: (text: string) => string,
): CredentialSettings {
  return { ...settings, source: toSource(source, path) }
}

/** What holds a secret, its path made absolute. */
export const toReference = (secret: SecretRef, path: (text: string) => string): SecretRef =>
  'file' in secret ? { file: path(secret.file) } : secret

/** The schema lets exactly one through. */
function toSource({ oauth2, exec, metadata, file, env }: SourceFile, path: (text: string) => string): SourceSettings {
  if (oauth2 !== undefined) return { oauth2: toOAuth2(oauth2, path) }
  if (exec !== undefined) return { exec }
  if (metadata !== undefined) return { metadata }
  return file === undefined ? { env: env ?? '' } : { file: path(file) }
}

function toOAuth2(block: OAuth2File, path: (text: string) => string): OAuth2Settings {
  const { grant, token_url, device_url, client_id, client_secret, client_auth } = block
  const { refresh_token, scope, audience, params, jwt } = block
  return {
    grant,
    token_url,
    device_url,
    client_id,
    client_secret: client_secret && toReference(client_secret, path),
    client_auth,
    refresh_token: refresh_token && toReference(refresh_token, path),
    scope,
    audience,
    params,
    jwt: jwt && toJwt(jwt, path),
  }
}

function toJwt(
  { key, alg, kid, iss, sub, aud, claims }: NonNullable<OAuth2File['jwt']>,
  path: (text: string) => string,
): JwtSettings {
  return { iss, sub, aud, key: toReference(key, path), alg, kid, claims }
}
