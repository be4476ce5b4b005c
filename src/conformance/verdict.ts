/** Every phase, in the order of the reports. */
export const PHASE_NAMES = [
  'declare',
  'missing_key',
  'replay_equal',
  'lost_response',
  'mismatch',
  'fresh_key',
  'in_flight',
  'in_flight_mismatch',
  'rate_limit_not_cached',
  'error_release_4xx',
  'error_release_5xx',
  'auth_not_cached',
  'scope',
  'ttl',
  'key_limits',
] as const

export type PhaseName = (typeof PHASE_NAMES)[number]

/** What a phase found wrong. */
export type FailCode =
  | 'undeclared'
  | 'accepted_without_key'
  | 'reexecuted'
  | 'replay_differs'
  | 'duplicate_after_abort'
  | 'silently_replayed'
  | 'executed_second'
  | 'conflict_leaks'
  | 'content_dedup'
  | 'duplicate_concurrent'
  | 'in_flight_wait_exceeded'
  | 'rate_limit_cached'
  | 'key_poisoned'
  | 'missing_retry_after'
  | 'replay_wait_exceeded'
  | 'trip_request_error'
  | 'error_cached'
  | 'duplicate_after_5xx'
  | 'auth_error_cached'
  | 'cross_scope_replay'
  | 'ttl_short'

/** Why a phase says nothing. */
export type Inapplicable =
  | 'supported_false'
  | 'key_optional'
  | 'no_dedup'
  | 'no_id_or_count'
  | 'no_overlap'
  | 'no_lock'
  | 'rate_limit_not_triggered'
  | 'limiter_not_cleared'
  | 'no_invalid_sample'
  | 'invalid_sample_accepted'
  | 'no_fault_hook'
  | 'fault_hook_without_effect'
  | 'no_second_credential'
  | 'bad_credential_accepted'
  | 'second_credential_refused'
  | 'ttl_not_probed'
  | 'request_refused'
  | 'still_rate_limited'
  | 'no_answer'

/** What is worth knowing and changes no grade. */
export type Advisory = { readonly code: string; readonly text: string }

/** What a phase learned about how the target behaves, for the derived profile. */
export type Learned = {
  readonly mode?: 'replay' | 'latest' | 'reject' | 'none'
  readonly marker?: string | undefined
  readonly in_flight?: 'wait' | 'reject' | 'none'
  readonly mismatch?: 'rejected' | 'replayed' | 'executed'
  readonly mismatch_status?: number
  readonly on_4xx?: 'released' | 'bound' | 'stored'
  readonly on_5xx?: 'released' | 'stored' | 'executed'
  readonly on_429?: 'released' | 'stored' | 'poisoned'
}

/** What one phase says; `text` explains it to a person, and holds no secret and no whole key. */
export type Verdict = (
  | { readonly grade: 'pass' }
  | { readonly grade: 'fail'; readonly code: FailCode }
  | { readonly grade: 'not_applicable'; readonly detail: Inapplicable }
) & { readonly text: string; readonly advisories: readonly Advisory[]; readonly learned: Learned }

type Extra = { readonly advisories?: readonly Advisory[]; readonly learned?: Learned }

export const passed = (text: string, { advisories = [], learned = {} }: Extra = {}): Verdict => ({
  grade: 'pass',
  text,
  advisories,
  learned,
})

export const failed = (code: FailCode, text: string, { advisories = [], learned = {} }: Extra = {}): Verdict => ({
  grade: 'fail',
  code,
  text,
  advisories,
  learned,
})

export const inapplicable = (
  detail: Inapplicable,
  text: string,
  { advisories = [], learned = {} }: Extra = {},
): Verdict => ({ grade: 'not_applicable', detail, text, advisories, learned })

/** Ends a phase whose requests cannot be made: there is nothing to grade. */
export class PhaseOver extends Error {
  override readonly name = 'PhaseOver'
  readonly verdict: Verdict

  constructor(detail: Inapplicable, text: string) {
    super(text)
    this.verdict = inapplicable(detail, text)
  }
}
