import { FAULTS, REFUSALS, type RefusalCode } from '../faults.js'
import { answerFields } from '../http/hop-by-hop.js'
import { PROBLEM_MEDIA_TYPE, problemBody } from '../http/problem.js'
import { proxyStatus } from '../http/proxy-status.js'
import { viaValue } from '../http/via.js'
import type { Outcome, Phase } from '../policy/types.js'
import { formatMillis, type Millis } from '../time/units.js'
import type { ResponseHead } from '../wire/events.js'
import type { AttemptRecord } from './record.js'

/** An answer made here: a problem document (RFC 9457) with the reason in `Proxy-Status` (RFC 9209). */
export type OwnAnswer = {
  readonly status: number
  readonly reason: string
  readonly fields: string[]
  readonly body: Buffer
}

/** Whether an upstream may have acted on the request. */
export type Reached = 'not-sent' | 'unknown'

export type Refusal = {
  readonly code: RefusalCode
  readonly detail: string
  readonly exchange: string
  readonly retryAfter?: Millis | undefined
  readonly outcome?: Reached | undefined
  readonly extra?: readonly string[]
}

export function refusalAnswer(refusal: Refusal): OwnAnswer {
  const { status, error, title } = REFUSALS[refusal.code]
  return ownAnswer({ ...refusal, status, error, title })
}

/** @param reached by any attempt */
export function faultAnswer(
  outcome: Outcome & { kind: 'fault' },
  exchange: string,
  attempts: readonly AttemptRecord[],
  reached: Reached = reachedBy(outcome),
): OwnAnswer {
  const { code, status } = FAULTS[outcome.fault]
  return ownAnswer({
    code,
    status,
    error: outcome.fault,
    title: code in REFUSALS ? REFUSALS[code as RefusalCode].title : 'No answer from the upstream',
    detail: outcome.details,
    exchange,
    outcome: reached,
    details: summary(attempts, undefined),
  })
}

const NEVER_SENT: ReadonlySet<Phase> = new Set(['dns', 'connect', 'tls', 'certificate', 'unsent', 'stream_refused'])

export const reachedBy = (outcome: Outcome & { kind: 'fault' }): Reached =>
  NEVER_SENT.has(outcome.phase) ? 'not-sent' : 'unknown'

type Own = {
  readonly code: string
  readonly status: number
  readonly error: string
  readonly title: string
  readonly detail: string
  readonly exchange: string
  readonly retryAfter?: Millis | undefined
  readonly outcome?: Reached | undefined
  readonly details?: string | undefined
  readonly extra?: readonly string[]
}

function ownAnswer(own: Own): OwnAnswer {
  // Whole seconds (RFC 9110 §10.2.3), never sooner than meant.
  const retryAfter = own.retryAfter === undefined ? undefined : Math.max(1, Math.ceil(own.retryAfter / 1_000))
  const body = problemBody({
    title: own.title,
    status: own.status,
    detail: own.detail,
    code: own.code,
    exchange: own.exchange,
    retry_after: retryAfter,
    outcome: own.outcome,
  })
  const fields = ['Content-Type', PROBLEM_MEDIA_TYPE, 'Content-Length', String(body.length)]
  fields.push('Proxy-Status', proxyStatus({ error: own.error, details: own.details }))
  if (retryAfter !== undefined) fields.push('Retry-After', String(retryAfter))
  fields.push(...(own.extra ?? []))
  return { status: own.status, reason: own.title, fields, body }
}

/** What the proxy did beyond passing, for `Proxy-Status`; `undefined` when it did nothing. */
function summary(attempts: readonly AttemptRecord[], note: string | undefined): string | undefined {
  if (attempts.length < 2 && note === undefined) return undefined
  const parts: string[] = []
  if (attempts.length > 1) {
    const waited = attempts.reduce((sum, attempt) => sum + attempt.wait_ms, 0)
    const reason = attempts[attempts.length - 2]?.why
    parts.push(`attempts=${attempts.length}`, `waited=${formatMillis(waited)}`, `reason=${reason}`)
  }
  if (note !== undefined) parts.push(note)
  return parts.join('; ')
}

/** The upstream's answer as the client gets it: its own fields, `Via`, and what we did if we did anything. */
export function passedFields(
  head: ResponseHead,
  pseudonym: string,
  attempts: readonly AttemptRecord[],
  note: string | undefined,
): string[] {
  const fields = answerFields(head.fields, viaValue(pseudonym, head.version), head.framing.kind === 'chunked')
  const details = summary(attempts, note)
  if (details !== undefined) {
    fields.push('Proxy-Status', proxyStatus({ receivedStatus: receivedStatus(attempts), details }))
  }
  return fields
}

/** The status that made us act: the last one that was not passed on. */
function receivedStatus(attempts: readonly AttemptRecord[]): number | undefined {
  for (let i = attempts.length - 2; i >= 0; i--) {
    const status = Number(attempts[i]?.outcome)
    if (status > 0) return status
  }
  return undefined
}
