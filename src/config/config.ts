import type { ClassifyRule, IdempotencySettings } from '../policy/idempotency-settings.js'
import type {
  BodySettings,
  BreakerSettings,
  CooldownSettings,
  RetrySettings,
  TimeoutSettings,
} from '../policy/settings.js'
import type { Match } from '../route/match.js'
import type { Millis } from '../time/units.js'
import type { PaymentPolicy } from '../x402/policy.js'
import type { CredentialSettings } from './credential.js'
import type { WalletSettings } from './wallet.js'

/** The effective configuration: validated, every default filled in, in the words of the file. */
export type Config = {
  readonly listen: {
    readonly proxy: readonly ListenAddress[]
    readonly admin: ListenAddress | undefined
    readonly mounts: 'same' | ListenAddress
    readonly auth: { readonly username: SecretRef; readonly password: SecretRef } | undefined
    /** CIDRs of client networks that need no `auth`. */
    readonly allow_from: readonly string[]
    /** Requests of the plain form do not go through `node:http`. */
    readonly fast_lane: boolean
  }
  /** Absolute path; `~` expanded. */
  readonly state: string
  readonly store: StoreSettings
  /** Processes that serve. */
  readonly workers: number
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
    readonly format: 'auto' | 'json' | 'pretty'
    /** Extra header names to redact, lower case. */
    readonly redact: readonly string[]
  }
  readonly intercept: { readonly mode: 'routes' | 'off'; readonly h2: boolean }
  readonly egress: {
    /** The next hop; `env`: as the variables of the daemon's environment say; `undefined`: none. */
    readonly proxy: ProxySettings | undefined
    /** Entries as `http/no-proxy.ts` reads them. */
    readonly no_proxy: readonly string[]
    readonly ca_file: string | undefined
    /** HTTP/2 is offered to `https` upstreams. */
    readonly h2: boolean
    readonly unmatched: 'pass' | 'deny'
    /** CIDRs, checked after DNS. */
    readonly deny: readonly string[]
  }
  readonly shutdown: { readonly drain: Millis }
  readonly limits: {
    readonly connections: number
    readonly header_bytes: number
    readonly body_memory_total: number
    readonly queue: number
    /** Bytes; what the container or the machine has, when left out. */
    readonly memory?: number | undefined
    readonly event_loop_lag: Millis
  }
  readonly telemetry: { readonly otlp: OtlpSettings | undefined }
  readonly credentials: Readonly<Record<string, CredentialSettings>>
  readonly wallets: Readonly<Record<string, WalletSettings>>
  readonly routes: readonly Route[]
}

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export type ProxySettings =
  | 'env'
  | {
      readonly scheme: 'http' | 'https'
      readonly host: string
      readonly port: number
      readonly auth: { readonly username: SecretRef; readonly password: SecretRef | undefined } | undefined
    }

/** Where state lives. */
export type StoreSettings =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'redis'
      readonly tls: boolean
      readonly host: string
      readonly port: number
      readonly db: number
      /** What every key begins with. */
      readonly prefix: string
      readonly username: SecretRef | undefined
      readonly password: SecretRef | undefined
    }

/** Where spans go. */
export type OtlpSettings = {
  /** With its path. */
  readonly endpoint: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, SecretRef>>
  readonly service_name: string
  /** 0 to 1. */
  readonly sample: number
}

/** A secret by reference; `literal` draws a warning from `check`. */
export type SecretRef =
  | { readonly literal: string }
  | { readonly env: string }
  | { readonly file: string }
  | { readonly exec: readonly string[] }

export type Route = {
  readonly name: string
  readonly match: Match
  readonly upstream: UpstreamBase | undefined
  /** Path prefix of base-URL mode, such as `/openai`: begins with a slash, ends without. */
  readonly mount: string | undefined
  readonly preset: string | undefined
  /** What becomes of a CONNECT to its host: see `config/interception.ts`. */
  readonly tls: 'auto' | 'intercept' | 'tunnel'
  readonly timeout: TimeoutSettings
  readonly retry: RetrySettings | undefined
  readonly cooldown: CooldownSettings | undefined
  readonly breaker: BreakerSettings | undefined
  readonly body: BodySettings
  /** Name of an entry of `credentials`. */
  readonly credential: string | undefined
  readonly payment: PaymentPolicy | undefined
  readonly idempotency: IdempotencySettings | undefined
  /** The first that fits counts. */
  readonly classify: readonly ClassifyRule[]
}

export type UpstreamBase = {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** Without a trailing slash; empty for the root. */
  readonly base_path: string
}
