import t from 'tap'
import { parseKit } from '../../src/conformance/load-kit.js'
import { runConformance } from '../../src/conformance/run.js'
import { startSampleApi } from '../../src/conformance/sample-api.js'
import { systemClock } from '../../src/time/clock.js'
import { seconds } from '../../src/time/units.js'
import { OPTIONS } from '../support/conformance.js'
import { startTestDaemon } from '../support/daemon.js'
import { makeHome, mulligan } from '../support/mulligan.js'

t.test('our own replay cache passes every phase, and none is not applicable', async t => {
  const { env } = makeHome(t, '{}\n')
  const { code, stdout, stderr } = await mulligan(['conformance', 'idempotency', '--self'], env)
  t.equal(code, 0, stderr)
  t.match(stdout, /\n15 passed, 0 failed, 0 not applicable /)
})

/** Callers, each with a ceiling of its own, and how many of them at once: so few that each of them meets it on a slow machine. */
const CALLERS = Number(process.env['CALLERS'] ?? 250)
const TOGETHER = 50

t.test(`I8: a refused key gets the real answer for ${CALLERS} of ${CALLERS} callers`, async t => {
  const tokens = Array.from({ length: CALLERS }, (_, i) => `caller-${i}`)
  const api = await startSampleApi(
    tokens.map(token => `Bearer ${token}`),
    systemClock,
  )
  const daemon = await startTestDaemon(`routes:
  - name: api
    match: { host: 127.0.0.1 }
    retry: off
    idempotency: { replay: { rate: { per_second: 1, burst: 3 } } }
`)
  t.teardown(() => Promise.all([api.close(), daemon.close()]))
  const seen = new Map<string, number>()
  const worker = async () => {
    for (let token = tokens.pop(); token !== undefined; token = tokens.pop()) {
      const kit = parseKit(
        'kit.yaml',
        `target: ${api.url}
sandbox: true
request: { path: /orders, body: { amount: 1, ref: "{{uuid}}" } }
id: /id
mutate: { pointer: /amount, value: 2 }
credential: { secret: ${token} }
`,
      )
      const options = { ...OPTIONS, timeout: seconds(60), proxy: daemon.url }
      const run = await runConformance(kit, { ...options, selected: ['rate_limit_not_cached'] })
      const verdict = run.phases.find(({ phase }) => phase === 'rate_limit_not_cached')?.verdict
      const said = verdict?.grade === 'pass' ? 'pass' : JSON.stringify(verdict)
      seen.set(said, (seen.get(said) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
  t.strictSame(Object.fromEntries(seen), { pass: CALLERS })
})
