import type { ClientAnswer } from '../exchange/lane.js'
import { bareRecord, withoutQuery } from '../exchange/record.js'
import { type OwnAnswer, refusalAnswer } from '../exchange/respond.js'
import type { Services } from '../exchange/services.js'
import type { RefusalCode } from '../faults.js'
import { fieldValue } from '../http/fields.js'
import { redactAuthority, redactUrl } from '../http/redact.js'
import type { Incoming } from './incoming.js'
import type { RefusalReason } from './refusal.js'

/** After these the client may see the connection otherwise than we do, or is up to no good: it is closed. */
const CLOSING: ReadonlySet<RefusalCode> = new Set([
  'bad_request',
  'headers_too_large',
  'target_too_long',
  'expectation_failed',
  'not_implemented',
  'cross_site',
])

export const closesConnection = (refusal: RefusalReason): boolean => CLOSING.has(refusal.code)

/** Sends an answer made before any exchange existed. */
export function giveOwn(answer: ClientAnswer, own: OwnAnswer, method: string): void {
  const body = method === 'HEAD' ? Buffer.alloc(0) : own.body
  answer.begin(own.status, own.reason, own.fields, body.length)
  if (body.length > 0) answer.write(body)
  answer.end([])
}

/** Hands a bug to what guards the process, which logs it and goes on. */
export function reportBug(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

/** What the client of an exchange that a bug ended gets. */
export function bugAnswer({ newId }: Services): OwnAnswer {
  const detail = 'a bug in mulligan ended this request'
  return refusalAnswer({ code: 'proxy_internal_error', detail, exchange: newId() })
}

/** Refuses a request that never became an exchange; it is logged like one. */
export function giveRefusal(answer: ClientAnswer, refusal: RefusalReason, request: Incoming, services: Services): void {
  const id = services.newId()
  const own = refusalAnswer({ ...refusal, exchange: id })
  const { method = '', url = '', rawHeaders } = request
  giveOwn(answer, own, method)
  recordRefusal(services, id, refusal.code, own, {
    method,
    host: redactAuthority(fieldValue(rawHeaders, 'host') ?? ''),
    path: method === 'CONNECT' ? redactAuthority(withoutQuery(url)) : redactUrl(withoutQuery(url)),
  })
}

/** The record of a refusal. */
export function recordRefusal(
  services: Services,
  id: string,
  code: RefusalCode,
  own: OwnAnswer,
  about: { readonly method: string; readonly host: string; readonly path: string },
): void {
  const startedAt = services.clock.monotonic()
  services.record?.(
    bareRecord({
      id,
      route: '-',
      mode: 'refused',
      scheme: 'http',
      ...about,
      status: own.status,
      end: code,
      attempts: [],
      startedAt,
      endedAt: startedAt,
      bytes_in: 0,
      bytes_out: own.body.length,
    }),
  )
}
