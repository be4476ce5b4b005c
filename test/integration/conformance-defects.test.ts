import t from 'tap'
import { type Checked, check } from '../support/conformance.js'
import type { Defect, UpstreamBehaviour } from '../support/idempotent-upstream.js'

type Row = {
  readonly defect: Defect
  /** Every phase that fails, and its code. */
  readonly failed: Readonly<Record<string, string>>
  /** Phases that say nothing beyond `ttl`, which no kit here asks for unless it says so. */
  readonly skipped?: Readonly<Record<string, string>>
  readonly more?: string
  readonly behaviour?: UpstreamBehaviour
}

const NO_DEDUP = {
  lost_response: 'no_dedup',
  mismatch: 'no_dedup',
  in_flight: 'no_dedup',
  in_flight_mismatch: 'no_dedup',
}

const ROWS: readonly Row[] = [
  { defect: 'caches 429', failed: { rate_limit_not_cached: 'rate_limit_cached' } },
  { defect: 'pins 503 on 429', failed: { rate_limit_not_cached: 'key_poisoned' } },
  { defect: 'caches 5xx', failed: { error_release_5xx: 'error_cached' } },
  { defect: 'caches 401', failed: { auth_not_cached: 'auth_error_cached' } },
  { defect: 'caches 4xx', failed: { error_release_4xx: 'error_cached' } },
  { defect: 'ignores the key', failed: { replay_equal: 'reexecuted' }, skipped: { ...NO_DEDUP, ttl: 'no_dedup' } },
  { defect: 'global scope', failed: { scope: 'cross_scope_replay' } },
  { defect: 'replays a mismatch', failed: { mismatch: 'silently_replayed' } },
  { defect: 'executes a mismatch', failed: { mismatch: 'executed_second' } },
  {
    defect: 'no lock in flight',
    failed: { in_flight: 'duplicate_concurrent' },
    skipped: { in_flight_mismatch: 'no_lock' },
  },
  { defect: 'new id on replay', failed: { replay_equal: 'replay_differs' } },
  { defect: 'conflict leaks the request', failed: { mismatch: 'conflict_leaks' } },
  { defect: 'conflict leaks the answer', failed: { mismatch: 'conflict_leaks' } },
  { defect: 'no Retry-After', failed: { rate_limit_not_cached: 'missing_retry_after' }, behaviour: { mcp: true } },
  { defect: 'Retry-After: 120', failed: { rate_limit_not_cached: 'replay_wait_exceeded' } },
  { defect: 'limiter slow to clear', failed: {}, skipped: { rate_limit_not_cached: 'limiter_not_cleared' } },
  {
    defect: 'no limiter',
    failed: {},
    skipped: { rate_limit_not_cached: 'rate_limit_not_triggered' },
    more: 'trip: { max_attempts: 50, mode: { concurrent: 10 } }\n',
  },
  { defect: 'short ttl', failed: { ttl: 'ttl_short' }, more: 'ttl: 24h\nttl_probe: 8500ms\n' },
  { defect: 'dedups by content', failed: { fresh_key: 'content_dedup' } },
  { defect: 'takes requests without a key', failed: { missing_key: 'accepted_without_key' } },
  { defect: 'forgets who left', failed: { lost_response: 'duplicate_after_abort' } },
  { defect: 'commits, then 503', failed: { error_release_5xx: 'duplicate_after_5xx' } },
  { defect: 'breaks under load', failed: { rate_limit_not_cached: 'trip_request_error' } },
  { defect: 'in flight for ever', failed: { in_flight: 'in_flight_wait_exceeded' } },
  { defect: 'undeclared', failed: { declare: 'undeclared' }, behaviour: { mcp: true }, more: '\n' },
]

const outcomes = new Map<Defect, Promise<Checked>>()
// Each has an upstream of its own, and most of the time is waiting for its limiter.
for (const { defect, behaviour, more } of ROWS) outcomes.set(defect, check({ ...behaviour, defect }, more))

for (const { defect, failed, skipped, more } of ROWS) {
  t.test(`an upstream with "${defect}" is caught by exactly its phase`, async t => {
    const found = await outcomes.get(defect)
    t.strictSame(found?.failed, failed)
    const probed = more?.includes('ttl_probe') === true
    t.strictSame(found?.skipped, { ...(probed ? {} : { ttl: 'ttl_not_probed' }), ...skipped })
  })
}

t.test('a target that declares to know no keys is asked nothing else', async t => {
  const { failed, skipped, result } = await check({ defect: 'declares no support', mcp: true })
  t.strictSame(
    [failed, new Set(Object.values(skipped)), Object.keys(skipped).length],
    [{}, new Set(['supported_false']), 15],
  )
  t.equal(result.made, 1, 'the request that came before')
})

const notesOf = ({ result }: Checked): string[] =>
  result.phases.flatMap(({ verdict }) => ('advisories' in verdict ? verdict.advisories.map(({ code }) => code) : []))

t.test('a mismatch that hides behind a request that runs is advice, and no failure', async t => {
  const found = await check({ defect: 'in flight hides a mismatch' })
  t.strictSame([found.failed, notesOf(found)], [{}, ['mismatch_hidden']])
})

t.test('where the documentation says that a 5xx is stored, that is no failure', async t => {
  const found = await check({ defect: 'caches 5xx' }, 'ttl: 24h\nprofile: stripe\n')
  t.strictSame([found.failed, found.result.learned.on_5xx], [{}, 'stored'])
})

t.test('what a rest API does not have to say is advice, and no failure', async t => {
  const found = await check({ defect: 'no Retry-After' }, '\n')
  t.strictSame([found.failed, notesOf(found)], [{}, ['undeclared', 'missing_retry_after']])
})
