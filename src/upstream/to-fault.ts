import type { FaultName } from '../faults.js'
import type { Phase } from '../policy/types.js'

/** A fault with the evidence of how far the attempt came. */
export type AttemptFault = {
  readonly fault: FaultName
  readonly phase: Phase
  readonly details: string
  /** The connection ended with a TCP reset. */
  readonly reset?: boolean
}

const UNNAMED = 'UNSPECIFIED'

const CERTIFICATE_ERRORS = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CRL_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  // Node's word for all that it has none for: weak keys and hashes, names that the authority may not vouch for.
  UNNAMED,
])

/** This machine has no file or memory for another connection. */
const OWN_LIMITS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

/** The code of an error, looking into the aggregate that a dial over several addresses gives. */
export function errorCode(error: unknown): string {
  if (error instanceof AggregateError) return errorCode(error.errors[0])
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}

/**
 * Why a connection could not be made. Nothing of the request was sent, so every class may repeat it,
 * except after an invalid certificate (R1).
 * @param secured the TCP connection stood, so the failure is TLS's
 */
export function dialFault(error: unknown, secured: boolean): AttemptFault {
  const code = errorCode(error)
  if (CERTIFICATE_ERRORS.has(code)) {
    const details = code === UNNAMED && error instanceof Error ? error.message : code
    return { fault: 'tls_certificate_error', phase: 'certificate', details }
  }
  // It says nothing about the upstream, whose breaker stays as it is.
  if (OWN_LIMITS.has(code)) return { fault: 'connection_limit_reached', phase: 'unsent', details: code }
  if (secured) return { fault: 'tls_protocol_error', phase: 'tls', details: code || 'handshake failed' }
  if (code === 'EAI_AGAIN') return { fault: 'dns_timeout', phase: 'dns', details: code }
  if (code === 'ENOTFOUND' || code.startsWith('EAI_') || code === 'ENODATA') {
    return { fault: 'dns_error', phase: 'dns', details: code }
  }
  if (code === 'ETIMEDOUT') return { fault: 'connection_timeout', phase: 'connect', details: code }
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') {
    return { fault: 'connection_refused', phase: 'connect', details: code }
  }
  return { fault: 'destination_ip_unroutable', phase: 'connect', details: code || 'connect failed' }
}

/** The same, told of the next hop on the way and not of the upstream. */
export const atHop = (fault: AttemptFault): AttemptFault => ({ ...fault, details: `egress proxy: ${fault.details}` })
