import { listenUrl } from '../config/listen-address.js'
import { packageVersion } from '../config/package-root.js'
import type { CredentialStatus } from '../credential/credentials.js'
import type { CredentialAnswer, StatusAnswer } from './answers.js'
import type { Managed } from './managed.js'
import type { Readiness } from './readiness.js'

/** `GET /v1/status`. */
export async function statusAnswer(managed: Managed, readiness: Readiness): Promise<StatusAnswer> {
  const { proxy, mounts, uptime, workers, missing, serving } = managed
  const [load, { status, problems }] = await Promise.all([serving.load(), readiness.answer()])
  return {
    version: packageVersion(),
    pid: process.pid,
    uptime_s: Math.floor(uptime() / 1_000),
    workers: workers() - missing(),
    draining: load.draining,
    ready: status === 'ready',
    problems,
    proxy: proxy.map(listenUrl),
    mounts: mounts === undefined ? 'same' : listenUrl(mounts),
    load,
    credentials: credentialAnswers(managed),
  }
}

export const credentialAnswers = ({ credentials }: Managed): CredentialAnswer[] =>
  (credentials()?.statuses() ?? []).map(credentialAnswer)

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
