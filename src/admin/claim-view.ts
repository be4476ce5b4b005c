import type { ClaimView } from '../idempotency/claim-list.js'
import type { ClaimAnswer } from './answers.js'

/** `null` where nothing is known. */
export const claimAnswer = (claim: ClaimView): ClaimAnswer => ({
  ref: claim.ref,
  state: claim.state,
  route: claim.route,
  origin: claim.origin,
  method: claim.method,
  key: claim.keyHint === '' ? null : claim.keyHint,
  status: claim.status ?? null,
  claimed_at: new Date(claim.claimedAt).toISOString(),
  expires_at: new Date(claim.expiresAt).toISOString(),
})
