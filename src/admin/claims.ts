import { type ClaimView, listClaims, resolveClaim } from '../idempotency/claim-list.js'
import { isObject } from '../json/read.js'
import type { Clock } from '../time/clock.js'
import type { Answers, Resolved } from './answers.js'
import { claimAnswer } from './claim-view.js'
import type { Managed } from './managed.js'
import { AdminProblem } from './problem.js'

/** `GET /v1/idempotency`: the oldest first. @throws StoreError */
export async function claimAnswers(
  { stores }: Managed,
  onlyUncertain: boolean,
  clock: Clock,
): Promise<Answers['idempotency']> {
  const { claims: store } = stores()
  if (store === undefined) return { claims: [] }
  const claims: ClaimView[] = []
  for await (const claim of listClaims(store, clock.now())) {
    if (!onlyUncertain || claim.state === 'uncertain') claims.push(claim)
  }
  return { claims: claims.sort((a, b) => a.claimedAt - b.claimedAt).map(claimAnswer) }
}

/** `POST /v1/idempotency/:ref/resolve`. @throws AdminProblem, StoreError */
export async function resolveAnswer(
  { stores }: Managed,
  ref: string,
  body: unknown,
  clock: Clock,
): Promise<Answers['resolve']> {
  const outcome = outcomeIn(body)
  const { claims: store } = stores()
  const result = store === undefined ? 'absent' : await resolveClaim(store, clock.now(), ref, outcome)
  switch (result) {
    case 'done':
      return { ref, resolved: outcome }
    case 'absent':
      throw new AdminProblem('not_found', `there is no key with the ref ${JSON.stringify(ref)}`)
    case 'ambiguous':
      throw new AdminProblem('conflict', 'this ref means several keys: write all of it')
    case 'settled':
      throw new AdminProblem('conflict', 'its outcome is known: there is nothing to resolve')
    case 'running':
      throw new AdminProblem('conflict', 'it is being sent right now: wait for its end')
  }
}

function outcomeIn(body: unknown): Resolved {
  if (isObject(body) && Object.keys(body).length === 1) {
    const { outcome } = body
    if (outcome === 'executed' || outcome === 'not-executed') return outcome
  }
  throw new AdminProblem('bad_request', 'the body is {"outcome": "executed"} or {"outcome": "not-executed"}')
}
