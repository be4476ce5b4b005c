import type { FaultName } from '../../src/faults.js'
import { decideRetry } from '../../src/policy/retry.js'
import type { RetrySettings } from '../../src/policy/settings.js'
import type { Attempt, Decision, Facts, Outcome, Phase } from '../../src/policy/types.js'
import { millis } from '../../src/time/units.js'
import { firstAttempt, retrySettings, someFacts } from './retry-settings.js'

/** `200`, `'503'`, `'429:retry-after=2'` (more fields after `|`), or the name of a phase for a fault. */
export type Step = number | string

export type Scene = {
  readonly settings?: Partial<RetrySettings> | 'off'
  readonly attempt?: Partial<Attempt>
  readonly facts?: Partial<Facts>
}

const FAULT_NAMES: Readonly<Record<Phase, FaultName>> = {
  dns: 'dns_error',
  connect: 'connection_refused',
  tls: 'tls_protocol_error',
  certificate: 'tls_certificate_error',
  unsent: 'connection_terminated',
  stream_refused: 'http_protocol_error',
  stale: 'connection_terminated',
  reset: 'connection_terminated',
  timeout: 'http_response_timeout',
  junk: 'http_protocol_error',
  answered: 'http_response_incomplete',
  committed: 'connection_terminated',
}

/** An outcome from its short form. */
export function outcome(step: Step): Outcome {
  const [head = '', rest] = split(String(step), ':')
  if (/^\d+$/.test(head)) {
    const fields = rest === undefined ? [] : rest.split('|').flatMap(field => split(field, '=').map(part => part ?? ''))
    return { kind: 'answer', status: Number(head), fields }
  }
  const phase = head as Phase
  if (FAULT_NAMES[phase] === undefined) throw new Error(`no such phase: ${head}`)
  return { kind: 'fault', fault: FAULT_NAMES[phase], phase, details: 'scripted' }
}

/**
 * Lets `decideRetry` play against scripted outcomes; time passes by its waits only.
 * The trace of `play([503, 200])` is `1:retry(status) 2:return(final)`.
 */
export function play(script: readonly Step[], scene: Scene = {}): string {
  return rehearse(script, scene)
    .map((decision, i) => `${i + 1}:${decision.act}(${decision.why})`)
    .join(' ')
}

/** The decisions behind the trace. */
export function rehearse(script: readonly Step[], scene: Scene = {}): Decision[] {
  const settings = scene.settings === 'off' ? undefined : retrySettings(scene.settings)
  let attempt = firstAttempt(scene.attempt)
  let facts = someFacts(scene.facts)
  const decisions: Decision[] = []
  for (const step of script) {
    const decision = decideRetry(attempt, outcome(step), facts, settings)
    decisions.push(decision)
    if (decision.act === 'return') return decisions
    attempt = {
      ...attempt,
      number: attempt.number + 1,
      retries: attempt.retries + (decision.free ? 0 : 1),
      freeUsed: attempt.freeUsed || decision.free,
    }
    facts = { ...facts, now: facts.now + decision.after, timeLeft: millis(facts.timeLeft - decision.after) }
  }
  return decisions
}

function split(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
