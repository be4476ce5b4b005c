import t from 'tap'
import { jsonReport } from '../../src/conformance/json-report.js'
import { parseKit } from '../../src/conformance/load-kit.js'
import { runConformance, Unusable } from '../../src/conformance/run.js'
import { PHASE_NAMES } from '../../src/conformance/verdict.js'
import { type Millis, millis } from '../../src/time/units.js'
import { check, kitText, OPTIONS } from '../support/conformance.js'
import { startTestDaemon } from '../support/daemon.js'
import { startIdempotentUpstream, type UpstreamBehaviour } from '../support/idempotent-upstream.js'
import { freePort } from '../support/tunnel.js'
import { answer, startUpstream } from '../support/upstream.js'

/** Whole runs, and how many of them at the same time: most of a run is waiting for the limiter. */
const RUNS = Number(process.env['RUNS'] ?? 50)
const TOGETHER = 25

t.test(`I8: a correct upstream fails no phase in ${RUNS} runs`, async t => {
  let runs = 0
  let limited = 0
  const worker = async () => {
    while (runs < RUNS) {
      runs++
      const { failed, skipped, result } = await check({})
      t.strictSame([failed, skipped], [{}, { ttl: 'ttl_not_probed' }])
      if (result.learned.on_429 === 'released') limited++
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
  t.equal(limited, RUNS, 'every run met the limiter, and its key was released')
})

t.test('what a correct upstream does is in the derived profile, whatever its dialect', async t => {
  const common = { mode: 'replay', mismatch: 'rejected', on_4xx: 'released', on_5xx: 'released', on_429: 'released' }
  const rows: [UpstreamBehaviour, object][] = [
    [{}, { ...common, in_flight: 'wait', mismatch_status: 422, marker: 'Idempotent-Replayed' }],
    [{ inFlight: 'reject' }, { ...common, in_flight: 'reject', mismatch_status: 422, marker: 'Idempotent-Replayed' }],
    [{ mcp: true }, { ...common, in_flight: 'wait', mismatch_status: 200, marker: 'structuredContent.replayed' }],
  ]
  for (const [behaviour, expected] of rows) {
    const { failed, result } = await check(behaviour)
    t.strictSame(failed, {})
    const { derived_profile } = jsonReport(result)
    t.match(derived_profile, { ...expected, clean: true, sha256: /^[0-9a-f]{64}$/ })
    t.equal(Date.parse(derived_profile.expires_at) - Date.parse(derived_profile.verified_at), 30 * 86_400_000)
  }
})

t.test('what was made is removed, and only what was selected runs', async t => {
  const upstream = await startIdempotentUpstream()
  t.teardown(() => upstream.close())
  const kit = parseKit('kit.yaml', kitText(upstream.url))
  const run = await runConformance(kit, { ...OPTIONS, selected: ['replay_equal', 'fresh_key'] })
  t.strictSame([run.made, run.left, upstream.orders()], [4, 0, 0])
  const selected = run.phases.filter(({ verdict }) => verdict.grade !== 'not_selected')
  t.strictSame(
    selected.map(({ phase }) => phase),
    ['replay_equal', 'fresh_key'],
  )
  t.strictSame(
    run.phases.map(({ phase }) => phase),
    [...PHASE_NAMES],
  )
})

t.test('a kit with the least in it grades what it can, and says why not the rest', async t => {
  const upstream = await startIdempotentUpstream({ defect: 'no limiter' })
  t.teardown(() => upstream.close())
  const text = `target: ${upstream.url}
sandbox: true
request: { path: /orders, headers: { Authorization: Bearer alice-secret-token }, body: { amount: 1, ref: "{{uuid}}" } }
id: /id
mutate: { pointer: /amount, value: 2 }
trip: { max_attempts: 50 }
`
  const { phases } = await runConformance(parseKit('kit.yaml', text), OPTIONS)
  const said = Object.fromEntries(
    phases.map(({ phase, verdict }) => [phase, verdict.grade === 'not_applicable' ? verdict.detail : verdict.grade]),
  )
  t.strictSame(said, {
    declare: 'pass',
    missing_key: 'pass',
    replay_equal: 'pass',
    // The upstream marks its replay, so it need not be counted.
    lost_response: 'pass',
    mismatch: 'pass',
    fresh_key: 'pass',
    in_flight: 'pass',
    in_flight_mismatch: 'pass',
    rate_limit_not_cached: 'rate_limit_not_triggered',
    error_release_4xx: 'no_invalid_sample',
    error_release_5xx: 'no_fault_hook',
    auth_not_cached: 'no_second_credential',
    scope: 'no_second_credential',
    ttl: 'ttl_not_probed',
    key_limits: 'pass',
  })
})

t.test('a target that is not there, or refuses the request of the kit, cannot be graded', async t => {
  const refuses = await startUpstream(() => answer(400, '{"error":{"code":"no_such_shop"}}'))
  const hangs = await startUpstream(() => undefined)
  t.teardown(() => Promise.all([refuses.close(), hangs.close()]))
  const rows: [string, Millis, RegExp][] = [
    [`http://127.0.0.1:${await freePort()}`, OPTIONS.timeout, /gave no answer: ECONNREFUSED/],
    [refuses.url, OPTIONS.timeout, /answered 400 no_such_shop: there is nothing to grade/],
    [hangs.url, millis(100), /gave no answer: timeout/],
  ]
  for (const [url, timeout, message] of rows) {
    const run = runConformance(parseKit('kit.yaml', kitText(url)), { ...OPTIONS, timeout })
    const error = (await run.catch(error => error)) as Error
    t.type(error, Unusable)
    t.match(error.message, message)
  }
})

t.test('an upstream is graded through the proxy as well, and what the proxy passes on is the same', async t => {
  const upstream = await startIdempotentUpstream()
  const daemon = await startTestDaemon('routes:\n  - { name: all, match: { host: "*" }, retry: off }\n')
  t.teardown(() => Promise.all([upstream.close(), daemon.close()]))
  const kit = parseKit('kit.yaml', kitText(upstream.url))
  const result = await runConformance(kit, { ...OPTIONS, proxy: daemon.url })
  const failed = result.phases.filter(({ verdict }) => verdict.grade === 'fail')
  t.strictSame(failed, [])
  t.ok(daemon.exchanges().length > 60, 'every request went through it')
})
