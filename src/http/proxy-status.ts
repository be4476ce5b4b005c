/** What mulligan did to an exchange, as RFC 9209 parameters. */
export type ProxyStatus = {
  /** An error type of RFC 9209 §2.3: the answer was made here. */
  readonly error?: string | undefined
  /** The status that the upstream gave when the answer says something else, or came after repeats (§2.1.4). */
  readonly receivedStatus?: number | undefined
  /** For people; any text (§2.1.5). */
  readonly details?: string | undefined
}

/** A `Proxy-Status` value: `mulligan; error=…; received-status=…; details="…"` (RFC 9209 §2). */
export function proxyStatus(status: ProxyStatus): string {
  let value = 'mulligan'
  if (status.error !== undefined) value += `; error=${status.error}`
  if (status.receivedStatus !== undefined) value += `; received-status=${status.receivedStatus}`
  if (status.details !== undefined) value += `; details=${sfString(status.details)}`
  return value
}

/** A quoted string of RFC 9651 §4.1.6, which has no way to say what is not printable ASCII: that becomes `?`. */
const sfString = (text: string): string => `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
