import type { Injection } from '../http/injection.js'
import type { Millis } from '../time/units.js'
import type { SecretRef } from './config.js'

/** One entry of `credentials`. */
export type CredentialSettings = {
  readonly inject: Injection
  readonly source: SourceSettings
  /** How long a token is good whose source does not say. */
  readonly ttl: Millis
  readonly refresh_ahead: Millis
  /** Between renewals that a 401 forces (T4). */
  readonly min_interval: Millis
  readonly on_401: 'refresh' | 'pass'
  readonly allow_cleartext: boolean
}

/** Where tokens come from; paths are absolute. */
export type SourceSettings =
  | { readonly oauth2: OAuth2Settings }
  | { readonly exec: ExecSettings }
  | { readonly metadata: MetadataSettings }
  | { readonly file: string }
  | { readonly env: string }

/** One `oauth2` block, complete. */
export type OAuth2Settings = {
  readonly grant: 'client_credentials' | 'refresh_token' | 'jwt_bearer' | 'device_code'
  readonly token_url: string
  /** Device authorization endpoint (RFC 8628 §3.1). */
  readonly device_url: string | undefined
  /** May be missing for `jwt_bearer` alone, whose assertion says who asks. */
  readonly client_id: string | undefined
  readonly client_secret: SecretRef | undefined
  /** How the secret is sent (RFC 6749 §2.3.1); `basic` when undefined and there is one. */
  readonly client_auth: 'basic' | 'post' | 'none' | undefined
  readonly refresh_token: SecretRef | undefined
  readonly scope: string | undefined
  readonly audience: string | undefined
  readonly params: Readonly<Record<string, string>>
  readonly jwt: JwtSettings | undefined
}

/** The assertion of a `jwt_bearer` grant (RFC 7523 §3). */
export type JwtSettings = {
  readonly iss: string
  readonly sub: string | undefined
  /** The token endpoint when undefined. */
  readonly aud: string | undefined
  /** A private key: PEM, or a JWK as JSON. */
  readonly key: SecretRef
  readonly alg: 'RS256' | 'ES256'
  readonly kid: string | undefined
  /** Further claims: Google reads its `scope` from here. */
  readonly claims: Readonly<Record<string, string>>
}

export type ExecSettings = {
  /** Program and arguments. */
  readonly command: readonly string[]
  readonly timeout: Millis
  /** How to read what it prints: the token itself, a JSON object, or a Kubernetes `ExecCredential`. */
  readonly format: 'text' | 'json' | 'exec_credential'
}

export type MetadataSettings = GcpSettings | AzureSettings | AwsSettings

export type GcpSettings = {
  readonly provider: 'gcp'
  /** Name of a service account of the machine; `default` otherwise. */
  readonly account?: string | undefined
  /** Scopes of an access token, separated by spaces; those of the machine otherwise. */
  readonly scope?: string | undefined
  /** Asks for an identity token for this audience instead of an access token. */
  readonly audience?: string | undefined
}

export type AzureSettings = {
  readonly provider: 'azure'
  /** Whom the token is for, such as `https://vault.azure.net`. */
  readonly resource: string
  /** Which of several identities of the machine. */
  readonly client_id?: string | undefined
}

/**
 * AWS gives a machine keys to sign with, and no bearer token. Two of its services take a signed URL as one: Bedrock, and
 * the API of a Kubernetes cluster on EKS.
 */
export type AwsSettings = {
  readonly provider: 'aws'
  /** The machine's own otherwise. */
  readonly region?: string | undefined
} & ({ readonly service: 'bedrock' } | { readonly service: 'eks' /** Its name. */; readonly cluster: string })
