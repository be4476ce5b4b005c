import { listenUrl } from '../config/listen-address.js'
import { packageVersion } from '../config/package-root.js'
import type { CredentialStatus } from '../credential/credentials.js'
import type { LoadView } from '../serving/views.js'
import type { Managed } from './managed.js'

/** `GET /v1/status`: as long as the configuration at most, and without any secret (T8). */
export type StatusAnswer = {
  readonly version: string
  readonly pid: number
  readonly uptime_s: number
  readonly draining: boolean
  readonly proxy: readonly string[]
  /** An address, or `same`. */
  readonly mounts: string
  readonly credentials: readonly CredentialAnswer[]
}

/** One of `GET /v1/credentials`. */
export type CredentialAnswer = {
  readonly name: string
  readonly source: string
  readonly state: CredentialStatus['state']
  /** There is a token that goes with requests. */
  readonly usable: boolean
  readonly generation: number
  /** The first 8 hex digits of its SHA-256, as in the log. */
  readonly token: string | null
  /** RFC 3339; `null` when there is no token, or its source does not say. */
  readonly expires_at: string | null
  readonly age_s: number | null
  /** Until the source may be asked again. */
  readonly retry_after_s: number
  readonly error: string | null
}

export function statusAnswer({ proxy, mounts, uptime, credentials }: Managed, { draining }: LoadView): StatusAnswer {
  return {
    version: packageVersion(),
    pid: process.pid,
    uptime_s: Math.floor(uptime() / 1_000),
    draining,
    proxy: proxy.map(listenUrl),
    mounts: mounts === undefined ? 'same' : listenUrl(mounts),
    credentials: (credentials()?.statuses() ?? []).map(credentialAnswer),
  }
}

export function credentialAnswer(status: CredentialStatus): CredentialAnswer {
  const { name, source, state, usable, generation, print, expiresAt, age, retryAfter, error } = status
  return {
    name,
    source,
    state,
    usable,
    generation,
    token: print ?? null,
    expires_at: expiresAt === undefined ? null : timeText(expiresAt),
    age_s: age === undefined ? null : Math.floor(age / 1_000),
    retry_after_s: Math.ceil(retryAfter / 1_000),
    error: error ?? null,
  }
}

/** RFC 3339 has four digits for a year; a token may say that it lives longer. */
const LAST_DATE = Date.UTC(9999, 11, 31, 23, 59, 59)

const timeText = (time: number): string => new Date(Math.min(time, LAST_DATE)).toISOString()
