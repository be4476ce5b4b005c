import type { IncomingMessage } from 'node:http'
import type { ListenAddress } from '../config/config.js'
import { fieldValues } from '../http/fields.js'
import { crossSiteReason } from '../listener/mount-guard.js'

/**
 * Why nobody of this machine can have sent it: a web page must not reach this port under a name of its own (DNS
 * rebinding) or across sites (T2); `undefined` when somebody can.
 */
export function foreignReason({ rawHeaders, url = '' }: IncomingMessage, listener: ListenAddress): string | undefined {
  // An authority in the target would win over the Host (RFC 9112 §3.2.2); here is no proxy.
  if (!url.startsWith('/')) return 'the target is not a path of this port'
  const [host, another] = fieldValues(rawHeaders, 'host')
  if (another !== undefined) return 'Host is given twice'
  return crossSiteReason(rawHeaders, host, listener)
}
