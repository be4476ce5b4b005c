import { type Answer, describeAnswer } from './answer.js'
import type { Frozen } from './operation.js'
import type { Probe } from './probe.js'
import { failed, inapplicable, type Verdict } from './verdict.js'

/** The request that met the limiter, or why none did. */
export type Tripped =
  | { readonly kind: 'limited'; readonly frozen: Frozen; readonly answer: Answer; readonly sent: number }
  | { readonly kind: 'over'; readonly verdict: Verdict }

/**
 * Sends requests with fresh keys until one is refused for the rate limit. AdCP's contract for runners: sequential, at
 * most 500, stop at the first refusal and at any other error; several at once are a deviation that is reported.
 */
export async function trip(probe: Probe): Promise<Tripped> {
  const { kit, clock } = probe.world
  const { most, together } = kit.trip
  const startedAt = clock.monotonic()
  for (let sent = 0; sent < most; ) {
    const batch = Array.from({ length: Math.min(together, most - sent) }, () => probe.freeze())
    sent += batch.length
    const answers = await Promise.all(batch.map(frozen => probe.send(frozen, { kept: true })))
    const at = answers.findIndex(({ outcome }) => outcome === 'limited')
    const frozen = batch[at]
    const answer = answers[at]
    if (frozen !== undefined && answer !== undefined) return { kind: 'limited', frozen, answer, sent }
    const other = answers.find(({ outcome }) => outcome !== 'success')
    if (other !== undefined) {
      const text = `before any refusal for the rate limit came ${describeAnswer(other)}, after ${sent} requests`
      return { kind: 'over', verdict: failed('trip_request_error', text) }
    }
  }
  const rate = (most / Math.max(0.001, (clock.monotonic() - startedAt) / 1_000)).toFixed(1)
  const text = `${most} requests at ${rate} a second met no limit`
  return { kind: 'over', verdict: inapplicable('rate_limit_not_triggered', text) }
}
