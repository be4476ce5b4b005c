import type { SecureContext } from 'node:tls'
import type { Logger } from 'pino'

/** How TLS of intercepted hosts ends here: made in `main` when some route asks for it. */
export type TlsEnd = {
  /** The certificate that vouches for a host, ready for use. */
  readonly contextFor: (host: string) => SecureContext | Promise<SecureContext>
  /** Application protocols to offer, best first (RFC 7301). */
  readonly protocols: readonly string[]
  /** A client broke off. @param code an OpenSSL or system error code; empty when it closed without a word */
  readonly onBrokenOff: (host: string, code: string) => void
}

/** More hosts than any configuration names: a client that connects to made-up names must not fill the memory. */
const HOSTS_MAX = 1_000
/** TLS alerts by which a client says that it does not accept a certificate (RFC 8446 §6.2). */
const REJECTED = /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)$/

const REMEDY = 'give it the variables of `mulligan env`, or start it with `mulligan run`'

/** Logs, once per host, that a client does not get through, and what to do about it (FP-24). */
export function brokenOffLog(logger: Logger): TlsEnd['onBrokenOff'] {
  const told = new Set<string>()
  return (host, code) => {
    if (told.has(host) || told.size >= HOSTS_MAX) return
    told.add(host)
    if (REJECTED.test(code)) {
      logger.warn(
        { host, code },
        `a client does not trust the local CA: ${REMEDY}; if it pins certificates: tls: tunnel`,
      )
    } else if (code === '' || code === 'ECONNRESET') {
      logger.warn(
        { host },
        `a client left at the TLS handshake, as one does that does not trust the local CA: ${REMEDY}`,
      )
    } else logger.warn({ host, code }, 'a TLS handshake with a client failed')
  }
}
