import type { Fields } from './fields.js'
import { fieldRole } from './hop-by-hop.js'

/** How a request's body ends: the answers' `Framing` without `close`, which requests do not have (RFC 9112 §6.3). */
type RequestFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }

export type CheckedRequest = {
  readonly version: '1.0' | '1.1'
  readonly framing: RequestFraming
  /** As the client wrote it, valid in form; a request-target with an authority overrules it (F3). */
  readonly host: string | undefined
  /** The client waits for a 100 before it sends its body (RFC 9110 §10.1.1). */
  readonly expectContinue: boolean
}

/** Why a request is not forwarded; the status is 400 where none is given. */
export type RefusedRequest = { readonly refuse: string; readonly status?: 417 | 431 | 501 }

const FIELDS_MAX = 200
const LENGTH = /^\d{1,15}$/
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i
const KNOWN_CODINGS =
  /^(?:(?:x-)?(?:gzip|compress)|deflate)(?:[ \t]*,[ \t]*(?:(?:x-)?(?:gzip|compress)|deflate))*[ \t]*,[ \t]*chunked$/i

const refuse = (reason: string, status?: 417 | 431 | 501): RefusedRequest =>
  status === undefined ? { refuse: reason } : { refuse: reason, status }

/**
 * A second, strict look at a head that Node's parser has accepted (F2): whatever two parsers could frame or route
 * differently ends here. @param rawFields all of them: a server with a field limit hides framing fields behind it.
 */
export function checkRequest(rawFields: Fields, method: string, httpVersion: string): CheckedRequest | RefusedRequest {
  if (rawFields.length > FIELDS_MAX * 2) return refuse(`more than ${FIELDS_MAX} fields`, 431)
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return refuse('HTTP version other than 1.0 and 1.1')
  let host: string | undefined
  let length: string | undefined
  let coding: string | undefined
  let expect: string | undefined
  for (let i = 0; i < rawFields.length; i += 2) {
    const role = fieldRole(rawFields[i] as string)
    if (role === undefined) continue
    const value = rawFields[i + 1] as string
    if (role === 'host') {
      if (host !== undefined) return refuse('repeated Host')
      host = value
    } else if (role === 'content-length') {
      if (length !== undefined) return refuse('repeated Content-Length')
      length = value
    } else if (role === 'transfer-encoding') {
      if (coding !== undefined) return refuse('repeated Transfer-Encoding')
      coding = value
    } else if (role === 'expect') expect = expect === undefined ? value : `${expect}, ${value}`
  }
  const modern = httpVersion === '1.1'
  if (host === undefined ? modern : !HOST.test(host)) return refuse('missing or malformed Host')
  const framing = requestFraming(method, modern, length, coding)
  if ('refuse' in framing) return framing
  if (expect === undefined) return { version: httpVersion, framing, host, expectContinue: false }
  if (expect.toLowerCase() !== '100-continue') return refuse('unknown expectation', 417)
  // RFC 9110 §10.1.1: in HTTP/1.0 the expectation is ignored, and without a body there is nothing to wait for.
  return { version: httpVersion, framing, host, expectContinue: modern && framing.kind !== 'none' }
}

const NO_BODY: RequestFraming = { kind: 'none' }
const CHUNKED: RequestFraming = { kind: 'chunked' }

function requestFraming(
  method: string,
  modern: boolean,
  length: string | undefined,
  coding: string | undefined,
): RequestFraming | RefusedRequest {
  if (length === undefined && coding === undefined) return NO_BODY
  if (length !== undefined && coding !== undefined) return refuse('both Content-Length and Transfer-Encoding')
  if (length !== undefined && !LENGTH.test(length)) return refuse('malformed Content-Length')
  if (coding !== undefined) {
    if (!modern) return refuse('Transfer-Encoding in HTTP/1.0')
    if (coding.toLowerCase() !== 'chunked') {
      return refuse('transfer coding other than chunked', KNOWN_CODINGS.test(coding) ? 501 : undefined)
    }
  }
  const size = coding === undefined ? Number(length) : undefined
  // RFC 9110 §9.3.6 and §9.3.8: bytes after these heads are not a body, whoever says so.
  if ((method === 'CONNECT' || method === 'TRACE') && size !== 0) return refuse(`${method} with a body`)
  return size === undefined ? CHUNKED : { kind: 'length', length: size }
}
