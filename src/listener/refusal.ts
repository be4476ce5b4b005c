import type { ListenAddress } from '../config/config.js'
import type { Refusal } from '../exchange/respond.js'
import { hasVia } from '../http/via.js'
import type { ClientAccess } from './client-access.js'
import type { Incoming } from './incoming.js'

/** Why a request never becomes an exchange; nothing of it was sent. */
export type RefusalReason = Omit<Refusal, 'exchange'>

export const refusal = (code: Refusal['code'], detail: string): RefusalReason => ({ code, detail, outcome: 'not-sent' })

/** A request that has been through us before (F1). */
export function loopRefusal(request: Incoming, pseudonym: string): RefusalReason | undefined {
  return hasVia(request.rawHeaders, pseudonym)
    ? refusal('loop', 'this request has been through this proxy already')
    : undefined
}

/** A client that may not use this door. @param challenge it speaks to us as a proxy, so a 407 can ask it for a credential */
export function clientRefusal(
  request: Incoming,
  access: ClientAccess,
  { kind }: ListenAddress,
  challenge: boolean,
): RefusalReason | undefined {
  if (access.isOpen) return undefined
  const code = access.check(request.rawHeaders, request.socket.remoteAddress, kind === 'unix')
  if (code === 'client_denied') return refusal(code, 'this client address is not listed in listen.allow_from')
  if (code === undefined) return undefined
  const extra = challenge ? ['Proxy-Authenticate', 'Basic realm="mulligan"'] : []
  return { ...refusal(code, 'listen.auth is set: send Proxy-Authorization'), extra }
}
