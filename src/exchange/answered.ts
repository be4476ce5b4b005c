import { readHint } from '../http/hint.js'
import type { Classification } from '../policy/classify.js'
import type { Outcome } from '../policy/types.js'
import type { ResponseHead } from '../wire/events.js'

/** An answer as the policies see it. */
export type Answered = Outcome & { readonly kind: 'answer' }

/** @param classification what its body says: a rate limit in a 200 counts as the 429 that it means @param now Unix milliseconds */
export function answered({ status, fields }: ResponseHead, classification?: Classification, now = 0): Answered {
  const answer = { kind: 'answer', status, fields } as const
  if (classification === undefined) return answer
  const { as, retryAfter } = classification
  if (as === 'error') return { ...answer, final: true }
  const inFlight = as === 'in_flight'
  const counts = { rate_limited: 429, unavailable: 503, in_flight: 409 }[as]
  // R5: the body's word comes after any field's.
  if (retryAfter === undefined || readHint(fields, now, []).kind !== 'none')
    return { ...answer, status: counts, inFlight }
  const hint = ['Retry-After', String(Math.ceil(retryAfter / 1_000))]
  return { ...answer, status: counts, inFlight, fields: [...fields, ...hint] }
}
