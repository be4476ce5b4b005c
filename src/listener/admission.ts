import type { ListenAddress } from '../config/config.js'
import type { RequestHead } from '../exchange/lane.js'
import type { Plan } from '../exchange/plan.js'
import type { OwnAnswer } from '../exchange/respond.js'
import type { Services } from '../exchange/services.js'
import type { Fields } from '../http/fields.js'
import { isSecretField } from '../http/redact.js'
import { checkRequest } from '../http/request-fields.js'
import { parseTarget } from '../http/request-target.js'
import type { TunnelTarget } from './client-connection.js'
import type { Incoming } from './incoming.js'
import type { MountPoint } from './mount-location.js'
import type { Overload } from './overload.js'
import { countForward, planRequest } from './plan.js'
import { clientRefusal, loopRefusal, type RefusalReason, refusal } from './refusal.js'
import type { Rules } from './rules.js'

export type Admission =
  | { readonly kind: 'go'; readonly plan: Plan; readonly head: RequestHead; readonly mount: MountPoint | undefined }
  | { readonly kind: 'refuse'; readonly refusal: RefusalReason }
  /** Answered here: `OPTIONS *`, and TRACE or OPTIONS whose `Max-Forwards` is used up. */
  | { readonly kind: 'own'; readonly answer: OwnAnswer }

/** One listening address and what it serves. */
export type Door = {
  readonly address: ListenAddress
  /** Only clients of this machine reach it. */
  readonly isLocal: boolean
  /** Absolute-form and CONNECT. */
  readonly forward: boolean
  readonly mounts: boolean
}

/** Longer targets are refused: the path would be kept in memory for as long as the exchange lives. */
const TARGET_MAX = 16_384

const refuse = (code: RefusalReason['code'], detail: string): Admission => ({
  kind: 'refuse',
  refusal: refusal(code, detail),
})

/** What a request is measured by. */
export type Measures = {
  readonly services: Pick<Services, 'pseudonym' | 'running'>
  /** The rules in force for the next request. */
  readonly rules: () => Rules
  readonly overload: Overload
}

/**
 * Everything that is asked of a request before it may become an exchange, in order: framing (F2), load, target (F3), loop
 * (F1), client, route. @param upgrade the protocol asked for, on the upgrade lane only
 */
export function admit(
  request: Incoming,
  { tunnel, surplus }: { readonly tunnel: TunnelTarget | undefined; readonly surplus: boolean },
  door: Door,
  measures: Measures,
  upgrade: string | undefined,
): Admission {
  const rules = measures.rules()
  const { rawHeaders: fields, method = '', url = '' } = request
  const checked = checkRequest(fields, method, request.httpVersion)
  if ('refuse' in checked) return refuseChecked(checked)
  const overloaded = measures.overload.refuses(surplus, measures.services.running)
  if (overloaded !== undefined) return { kind: 'refuse', refusal: overloaded }
  if (url.length > TARGET_MAX) return refuse('target_too_long', `the request target is longer than ${TARGET_MAX} bytes`)
  const target = parseTarget(method, url)
  if (target === undefined) return refuse('bad_request', 'the request target is malformed or ambiguous (RFC 9112 §3.2)')
  if (upgrade !== undefined && checked.framing.kind !== 'none') {
    return refuse('bad_request', 'an upgrade request with a body is not passed on')
  }
  // Inside a tunnel the client was asked at its CONNECT.
  const denied =
    loopRefusal(request, measures.services.pseudonym) ??
    (tunnel === undefined ? clientRefusal(request, rules.access, door.address, target.form !== 'origin') : undefined)
  if (denied !== undefined) return { kind: 'refuse', refusal: denied }
  const forwarded = countForward(method, fields)
  if (forwarded === 'answer') return { kind: 'own', answer: finalRecipient(request) }
  if (!door.forward && target.form !== 'origin') return refuse('not_a_relay', 'this listener serves mounts only')
  const { host, framing, expectContinue: expect, version } = checked
  const arrival = {
    method,
    target,
    fields,
    host,
    listener: door.address,
    shared: !door.isLocal,
    tunnel,
    mounts: door.mounts,
    upgrade: upgrade !== undefined,
  }
  const planned = planRequest(arrival, rules)
  if ('refusal' in planned) return { kind: 'refuse', refusal: planned.refusal }
  if ('own' in planned) return { kind: 'own', answer: options() }
  const head: RequestHead = {
    method,
    fields: forwarded,
    framing,
    expect,
    upgrade,
    version: request.received ?? version,
  }
  return { kind: 'go', plan: planned.plan, head, mount: planned.mount }
}

function refuseChecked({ refuse: reason, status }: { refuse: string; status?: 417 | 431 | 501 }): Admission {
  if (status === 431) return refuse('headers_too_large', reason)
  if (status === 417) return refuse('expectation_failed', reason)
  return refuse(status === 501 ? 'not_implemented' : 'bad_request', reason)
}

/** We are the last to see it (RFC 9110 §7.6.2). TRACE is not echoed with what identifies the client (§9.3.8). */
function finalRecipient(request: Incoming): OwnAnswer {
  if (request.method === 'OPTIONS') return options()
  const body = Buffer.from(
    `TRACE ${request.url} HTTP/${request.httpVersion}\r\n${echo(request.rawHeaders)}\r\n`,
    'latin1',
  )
  const fields = ['Content-Type', 'message/http', 'Content-Length', String(body.length)]
  return { status: 200, reason: 'OK', fields, body }
}

function echo(fields: Fields): string {
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) {
    if (!isSecretField((fields[i] as string).toLowerCase())) lines += `${fields[i]}: ${fields[i + 1]}\r\n`
  }
  return lines
}

function options(): OwnAnswer {
  const allow = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT'
  return { status: 200, reason: 'OK', fields: ['Allow', allow, 'Content-Length', '0'], body: Buffer.alloc(0) }
}
