import type { Unavailable } from '../credential/token.js'
import type { Phase } from '../policy/types.js'
import { type Millis, seconds } from '../time/units.js'
import type { AttemptFault } from '../upstream/to-fault.js'
import type { Reached, Refusal } from './respond.js'

/** The answers that an exchange makes itself when no attempt may be made, or none ended in time. */
export type OwnRefusal = Omit<Refusal, 'exchange'>

export const cooldownFull = (origin: string, retryAfter: Millis): OwnRefusal => ({
  code: 'cooldown_full',
  detail: `${origin} asked for a pause, and this request cannot wait for its turn`,
  retryAfter,
  outcome: 'not-sent',
})

export const breakerOpen = (origin: string, retryAfter: Millis): OwnRefusal => ({
  code: 'breaker_open',
  detail: `${origin} keeps failing; it is not asked until a probe may pass`,
  retryAfter,
  outcome: 'not-sent',
})

/** There is no token for a request that needs one (TR-07); the upstream was not asked. */
export const tokenUnavailable = ({ permanent, reason, retryAfter }: Unavailable): OwnRefusal => ({
  code: permanent ? 'token_login_required' : 'token_unavailable',
  detail: reason,
  ...(permanent ? {} : { retryAfter }),
  outcome: 'not-sent',
})

/** The token is nothing that a request can carry, which is the source's doing. */
export const tokenUnfit = (reason: string): OwnRefusal => ({
  code: 'token_unavailable',
  detail: reason,
  retryAfter: seconds(60),
  outcome: 'not-sent',
})

/** A limit that ended an attempt, or an answer on its way. */
export const timedOut = (phase: Phase, details: string): AttemptFault => ({
  fault: 'http_response_timeout',
  phase,
  details,
})

export const uploadStalled = (outcome: Reached): OwnRefusal => ({
  code: 'request_timeout',
  detail: 'the request body stopped arriving',
  outcome,
})

export const outOfTime = (outcome: Reached): OwnRefusal => ({
  code: 'deadline',
  detail: 'timeout.total ran out before an answer came',
  outcome,
})

export const keyReused: OwnRefusal = {
  code: 'key_reused',
  detail: 'this idempotency key came with another payload before; a new operation needs a new key',
  outcome: 'not-sent',
}

export const keyInFlight = (retryAfter: Millis): OwnRefusal => ({
  code: 'key_in_flight',
  detail: 'a request with this idempotency key is still running; ask again with the same key',
  retryAfter,
})

/** I12: sending it again could do it twice. */
export const outcomeUnknown: OwnRefusal = {
  code: 'outcome_unknown',
  detail: 'an earlier request with this idempotency key may have been carried out; see `mulligan idem`',
  outcome: 'unknown',
}

/** @param status 0 where an operator said that it was done (I12) */
export const resultNotKept = (status: number): OwnRefusal => ({
  code: 'result_unavailable',
  detail:
    status === 0
      ? 'the request with this idempotency key was done, and its answer is not known'
      : `this idempotency key was answered with ${status}, and the answer was not kept: it was too long, or there was no room`,
})

/** I11: the key stays free. */
export const tooManyKeys = (retryAfter: Millis): OwnRefusal => ({
  code: 'insert_rate',
  detail: 'too many new idempotency keys; ask again with the same key',
  retryAfter,
  outcome: 'not-sent',
})

/** Whether the key was used before cannot be told, so nothing is sent. */
export const storeUnavailable = ({ message }: { readonly message: string }): OwnRefusal => ({
  code: 'store_unavailable',
  detail: message,
  retryAfter: seconds(1),
  outcome: 'not-sent',
})
